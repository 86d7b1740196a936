#!/bin/bash
sudo iptables -t nat -A OUTPUT -p tcp --sport 32768:60999 -m conntrack --ctstate NEW,ESTABLISHED -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
