#!/bin/bash
# who says "is-at" while the whole LAN is pinged?
tcpdump -lnni "$1" -Q in 'arp[6:2] = 2 or icmp[icmptype] = icmp-echoreply' >/tmp/seen 2>/tmp/err &
dump=$!
until grep -q 'listening on' /tmp/err; do sleep 0.1; done
base=$(ip -4 -o addr show dev "$1" | grep -oE '[0-9]+\.[0-9]+\.[0-9]+\.' | head -1)
for i in {1..254}; do ping -c1 -W2 "$base$i" &>/dev/null & pids+=($!); done
wait "${pids[@]}"
sleep 1; kill -INT $dump; wait $dump
sed -n 's/.*Reply \([0-9.]*\) is-at.*/\1/p' /tmp/seen | sort -u | while read -r host; do
    grep -qF " $host >" /tmp/seen || echo "$host"
done
