#!/bin/bash
sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j NFLOG --nflog-prefix 'root-packet: '
