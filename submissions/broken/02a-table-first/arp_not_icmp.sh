#!/bin/bash
arp-scan -I "$1" -l | tee /tmp/table
for h in $(awk '/..:..:..:/ && !/Interface/ { print $1 }' /tmp/table); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h does not answer"
done
