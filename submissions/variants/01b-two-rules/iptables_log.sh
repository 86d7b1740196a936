#!/bin/bash
# Two ranges side by side, one rule each: no packet is in both.
for range in 32768:49151 49152:60999; do
    iptables -A OUTPUT -p tcp --sport $range -m owner --uid-owner root -j LOG --log-prefix 'root-packet: '
done
