#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(ip[9] = 17 and ip[22:2] = 123) or (ip6 and udp dst port 123)
     or tcp src port 80 or tcp src port 443'
