#!/bin/bash
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1
    if [ "$?" == "ok" ]; then echo "$h ==> ok"; else echo "$h ==> fail"; fi
done
