#!/bin/bash
# The same rule for IPv6, which does no harm.
for command in iptables ip6tables; do
    sudo $command -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -j LOG --log-prefix 'root-packet: '
done
