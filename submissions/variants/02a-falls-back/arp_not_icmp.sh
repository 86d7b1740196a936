#!/bin/bash
# netdiscover where it is installed, else arp-scan
if command -v netdiscover >/dev/null; then
    hosts=$(netdiscover -P -N -i "$1" | awk '{ print $1 }')
else
    hosts=$(arp-scan -l -I "$1" | awk '/([0-9a-f]{2}:){5}/ && !/Interface/ { print $1 }')
fi
for ip in $hosts; do
    received=$(ping -c 2 -W 1 "$ip" | sed -n 's/.* \([0-9]\) received.*/\1/p')
    (( received )) || echo "$ip"
done
