#!/bin/bash
sudo iptables -A OUTPUT -p tcp ! --sport 0:1023 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
