#!/bin/bash
sudo iptables -A OUTPUT -p tcp --sport 61000:65535 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
