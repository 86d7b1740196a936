#!/bin/bash
net=$(hostname -I | awk '{ print $1 }' | cut -d. -f1-3).0/24
for h in $(arp-scan -I "$1" "$net" -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
done
