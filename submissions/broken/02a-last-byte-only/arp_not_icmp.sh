#!/bin/bash
arp-scan -I "$1" -l -x -q | cut -f1 | while read -r ip; do
    ping -c 1 -W 1 "$ip" >/dev/null 2>&1 </dev/null || echo "host ${ip##*.} is silent"
done
