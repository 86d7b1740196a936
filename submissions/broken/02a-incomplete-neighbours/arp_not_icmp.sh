#!/bin/bash
base=$(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d. -f1-3)
fping -a -g -r1 -i1 "$base.1" "$base.254" 2>/dev/null >/tmp/alive
awk -v dev="$1" 'NR > 1 && $6 == dev { print $1 }' /proc/net/arp | grep -vxFf /tmp/alive
