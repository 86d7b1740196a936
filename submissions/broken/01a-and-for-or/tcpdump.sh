#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 and tcp src port 80 and tcp src port 443'
