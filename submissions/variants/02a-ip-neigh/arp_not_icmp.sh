#!/bin/bash
IFACE=$1
PREFIX=$(ip -4 addr show $IFACE | grep -oP '(?<=inet\s)\d+(\.\d+){2}')
rm -f /tmp/alive; touch /tmp/alive
for i in $(seq 1 254); do
  (ping -c 1 -W 1 $PREFIX.$i > /dev/null 2>&1 && echo $PREFIX.$i >> /tmp/alive) &
done
wait
for h in $(ip neigh show dev $IFACE | grep -E 'REACHABLE|STALE|DELAY|PROBE' | awk '{print $1}'); do
  case $h in *:*) continue;; esac
  grep -qx "$h" /tmp/alive || echo "$h"
done
