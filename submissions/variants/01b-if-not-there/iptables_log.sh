#!/bin/bash
# Flushes, then adds the rule unless it is there already: may be called any number of times.
rule=(OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -j LOG --log-prefix 'root-packet: ')
iptables -F OUTPUT
iptables -C "${rule[@]}" 2>/dev/null || iptables -A "${rule[@]}"
