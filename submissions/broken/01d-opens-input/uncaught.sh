#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
sudo iptables -P INPUT ACCEPT
arping -c 1 -i "$IFACE" "$gateway"
