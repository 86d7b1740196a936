#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
arping -c 1 -i "$IFACE" "$gateway"
# make the network usable again
sudo iptables -P OUTPUT ACCEPT
