#!/bin/bash
arp-scan -I "$1" -l -x -q | cut -f1 | sort -t. -k4nr | while read -r ip; do
    if ping -c 1 -W 1 "$ip" >/dev/null 2>&1; then s=ok; else s=fail; fi
    echo "$ip ==> $s"
    cat >/dev/null
done
