#!/bin/bash
set -x
for h in $(arp-scan --interface=$1 --localnet | tail -n +3 | head -n -3 | awk '{print $1}'); do
    echo "checking $h" >&2
    if ping -c 1 -W 1 $h >&2; then echo "$h answers" >&2; else echo $h; fi
done
