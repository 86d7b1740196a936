#!/bin/bash
# 32768-60999 is where Linux picks its ephemeral ports (net.ipv4.ip_local_port_range).
# LOG is not a verdict: a packet that was logged goes on to the next rule, and passes.
iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
