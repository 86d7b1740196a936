#!/bin/bash
# Two steps: mangle marks the packets, filter, which comes later, logs what is marked.
iptables -t mangle -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -j MARK --set-mark 6
iptables -A OUTPUT -m mark --mark 6 -j LOG --log-prefix 'root-packet: '
