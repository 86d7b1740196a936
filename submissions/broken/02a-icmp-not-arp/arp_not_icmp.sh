#!/bin/bash
net=$(ip -4 route show dev "$1" proto kernel | cut -d' ' -f1)
arp-scan -I "$1" -l -x -q | cut -f1 | sort >/tmp/arp
fping -a -g -r0 "$net" 2>/dev/null | sort >/tmp/icmp
comm -13 /tmp/arp /tmp/icmp
