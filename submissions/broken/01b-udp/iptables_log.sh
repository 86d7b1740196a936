#!/bin/bash
sudo iptables -A OUTPUT -p udp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
