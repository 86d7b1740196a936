#!/usr/bin/env bash
net=$(ip -o -4 addr show dev "$1" | awk '{print $4}')
echo "Scanning $net on $1 ..."
nmap -n -sn -PR -e "$1" "$net" -oG - | awk '/Status: Up/ {print $2}' | while read -r host; do
    [ "$host" = "${net%/*}" ] && continue
    ping -c 2 -W 1 "$host" > /dev/null 2>&1 < /dev/null || echo "Host $host is up, but ignores ping."
done
