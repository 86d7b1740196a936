#!/bin/bash
me=$(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d/ -f1)
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    if ping -c 1 -W 1 "$me" >/dev/null 2>&1; then echo "$h ==> ok"; else echo "$h ==> fail"; fi
done
