#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp port 123 or tcp src port 80 or tcp src port 443'
