#!/bin/bash
net=$(ip -4 route show dev "$1" proto kernel | cut -d' ' -f1)
nmap -n -sn --disable-arp-ping -oG - "$net" | awk '/Up$/ { print $2 }' >/tmp/icmp
for h in $(arp-scan -I "$1" -l -x -q | cut -f1); do
    if grep -qxF "$h" /tmp/icmp; then echo "$h ==> ok"; else echo "$h ==> fail"; fi
done
