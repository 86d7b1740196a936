#!/bin/bash
sudo iptables -A OUTPUT -p tcp -m multiport --ports 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
