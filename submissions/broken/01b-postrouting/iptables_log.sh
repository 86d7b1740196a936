#!/bin/bash
sudo iptables -t mangle -A POSTROUTING -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
