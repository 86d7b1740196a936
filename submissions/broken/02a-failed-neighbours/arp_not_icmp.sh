#!/bin/bash
base=$(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d. -f1-3)
for i in $(seq 1 254); do
    (ping -c 1 -W 1 "$base.$i" >/dev/null 2>&1 && echo "$base.$i" >>/tmp/alive) &
done
wait
ip -4 neigh show dev "$1" | awk '{ print $1 }' | grep -vxFf /tmp/alive
