#!/bin/bash
for h in $(arp-scan -l -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
done
