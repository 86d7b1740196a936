#!/bin/bash
sudo iptables -A OUTPUT -p tcp -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
