#!/bin/bash
# The same packets, with more in each line of the log.
iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -m comment --comment 'lab 06, 1.b' \
    -j LOG --log-level debug --log-uid --log-tcp-options --log-ip-options --log-tcp-sequence --log-prefix 'root-packet: '
