#!/bin/bash
dev=$(ip route show default | awk '{ print $5; exit }')
for h in $(arp-scan -I "$dev" -l -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
done
