#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
sudo iptables -P OUTPUT ACCEPT
ping -c 1 -W 1 "$gateway"
sudo iptables -P OUTPUT DROP
