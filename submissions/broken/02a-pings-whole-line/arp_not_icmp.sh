#!/bin/bash
arp-scan -I "$1" -l -x -q | while read -r line; do
    ping -c 1 -W 1 "$line" >/dev/null 2>&1 </dev/null || echo "$line"
done
