#!/bin/bash
arp-scan -I "$1" -l -x -q | while read -r ip mac; do
    ping -c 1 -W 1 "$ip" >/dev/null 2>&1 </dev/null || echo "$mac"
done
