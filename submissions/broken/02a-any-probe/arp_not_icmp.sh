#!/bin/bash
net=$(ip -4 route show dev "$1" proto kernel | cut -d' ' -f1)
me=$(ip -4 -o addr show "$1" | awk '{ print $4 }' | cut -d/ -f1)
arp-scan -I "$1" -l -x -q | cut -f1 | sort >/tmp/arp
nmap -n -sn --disable-arp-ping -oG - "$net" | awk '/Up$/ { print $2 }' | sort >/tmp/icmp
echo "$me: own address"
comm -23 /tmp/arp /tmp/icmp
