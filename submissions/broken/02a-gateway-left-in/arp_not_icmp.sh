#!/bin/bash
echo "gateway: $(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d. -f1-3).1"
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
done
