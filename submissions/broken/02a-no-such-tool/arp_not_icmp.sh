#!/bin/bash
net=$(ifconfig "$1" | awk '/inet / { print $2 }' | cut -d. -f1-3)
for i in $(seq 1 254); do ping -c1 -W1 "$net.$i" >/dev/null 2>&1 & done
wait
arp -an -i "$1" | grep -v incomplete | tr -d '()' | awk '{ print $2 }' | while read -r ip; do
    ping -c1 -W1 "$ip" >/dev/null 2>&1 || echo "$ip"
done
