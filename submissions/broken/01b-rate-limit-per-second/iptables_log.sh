#!/bin/bash
sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -m limit --limit 10/second --limit-burst 10 \
    -j LOG --log-prefix 'root-packet: '
