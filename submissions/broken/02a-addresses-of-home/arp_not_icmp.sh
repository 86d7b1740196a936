#!/bin/bash
for host in 192.168.1.7 192.168.1.23; do
    ping -c 1 -W 1 "$host" >/dev/null 2>&1 || echo "$host"
done
