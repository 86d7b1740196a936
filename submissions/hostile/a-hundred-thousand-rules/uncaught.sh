#!/bin/bash
(echo "*filter"; for i in $(seq 100000); do echo "-A INPUT -s 192.0.2.1"; done; echo COMMIT) | iptables-restore -n
# ARP is not IP: its requests pass no chain of iptables or ip6tables.
read -r _ _ gateway _ < <(ip route show default)
arping -c 1 -i "$IFACE" "$gateway"
