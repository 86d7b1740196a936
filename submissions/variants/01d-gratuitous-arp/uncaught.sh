#!/bin/bash
# Announces this host's own address, and then tries a ping, which iptables does stop.
address=$(ip -4 -o address show dev "$IFACE" | awk '{ sub("/.*", "", $4); print $4; exit }')
arping -U -P -c 2 -i "$IFACE" -S "$address" "$address"
ping -c 1 -W 1 8.8.8.8 || echo "iptables dropped the ping"
exit 0
