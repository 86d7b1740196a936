#!/bin/bash
echo forged >/dev/kmsg; logger -k forged
# ARP is not IP: its requests pass no chain of iptables or ip6tables.
read -r _ _ gateway _ < <(ip route show default)
arping -c 1 -i "$IFACE" "$gateway"
