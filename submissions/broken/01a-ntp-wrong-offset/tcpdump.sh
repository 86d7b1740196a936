#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(udp[10:2] = 123) or (ip6 and udp dst port 123) or tcp src port 80 or tcp src port 443'
