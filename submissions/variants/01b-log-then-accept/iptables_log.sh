#!/bin/bash
# Says what happens anyway: what was logged is accepted.
match=(-p tcp --sport 32768:60999 -m owner --uid-owner root)
iptables -A OUTPUT "${match[@]}" -j LOG --log-prefix 'root-packet: '
iptables -A OUTPUT "${match[@]}" -j ACCEPT
