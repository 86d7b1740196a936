#!/bin/bash
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    (ping -c 2 -W 1 "$h" >/dev/null 2>&1 || echo "$h") &
done
