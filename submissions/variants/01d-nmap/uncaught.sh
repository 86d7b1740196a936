#!/bin/bash
# On a LAN nmap's host discovery is ARP, in frames that it makes itself.
gateway=$(ip route show default | awk '{ print $3 }')
sudo nmap -sn -n --send-eth -e "$IFACE" "$gateway"
