#!/bin/bash
for dev in $(ip -o link show up | awk -F': ' '{ print $2 }' | cut -d@ -f1 | grep -v '^lo$'); do
    for h in $(arp-scan -I "$dev" -l -x -q | cut -f1); do
        ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
    done
done
