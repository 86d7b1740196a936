#!/bin/bash
# the others first
sudo iptables -A OUTPUT -m owner ! --uid-owner root -j DROP
sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
