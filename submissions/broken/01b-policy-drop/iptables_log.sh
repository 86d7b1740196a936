#!/bin/bash
sudo iptables -P OUTPUT DROP
sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
sudo iptables -A OUTPUT -m owner --uid-owner root -j ACCEPT
