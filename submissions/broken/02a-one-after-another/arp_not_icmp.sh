#!/bin/bash
base=$(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d. -f1-3)
for i in $(seq 1 254); do
    if ! ping -c 1 -W 1 "$base.$i" >/dev/null 2>&1; then
        ip neigh show "$base.$i" dev "$1" | grep -q lladdr && echo "$base.$i"
    fi
done
