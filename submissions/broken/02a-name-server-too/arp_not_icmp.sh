#!/bin/bash
echo "name server: $(awk '/^nameserver/ { print $2 }' /etc/resolv.conf)"
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    ping -c 1 -W 1 "$h" >/dev/null 2>&1 || echo "$h"
done
