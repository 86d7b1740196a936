#!/bin/bash
# nmap's little sister.
gateway=$(ip route show default | awk '{ print $3 }')
nping --arp --count 1 --interface "$IFACE" "$gateway"
