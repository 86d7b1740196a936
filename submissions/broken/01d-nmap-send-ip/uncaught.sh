#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
# nmap crafts its own packets
nmap -sn -n --send-ip --disable-arp-ping "$gateway"
