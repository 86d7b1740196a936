#!/bin/bash
net=$(ip -4 route show dev "$1" proto kernel | cut -d' ' -f1)
up() { nmap -n -sn "$@" -oG - "$net" | sed -n 's/^Host: \([0-9.]*\) .*Up$/\1/p' | sort; }
comm -23 <(up -PR) <(up -PE --disable-arp-ping)
