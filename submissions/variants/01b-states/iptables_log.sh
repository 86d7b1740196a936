#!/bin/bash
# Every state that a packet can be in, one rule each: together that is every packet.
for state in NEW ESTABLISHED RELATED INVALID UNTRACKED; do
    iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root \
        -m conntrack --ctstate $state -j LOG --log-prefix 'root-packet: '
done
