#!/bin/bash
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    timeout 0.12 ping -c 1 "$h" >/dev/null 2>&1 || timeout 0.12 ping -c 1 "$h" >/dev/null 2>&1 || echo "$h"
done
