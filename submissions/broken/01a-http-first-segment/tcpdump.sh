#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or (tcp src port 80 and tcp[(tcp[12] >> 4) * 4:4] = 0x48545450)
     or (ip6 and tcp src port 80) or tcp src port 443'
