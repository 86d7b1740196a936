#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
arping -c 1 -i "$IFACE" "$gateway"
for chain in INPUT FORWARD OUTPUT; do ip6tables -P $chain ACCEPT; done
