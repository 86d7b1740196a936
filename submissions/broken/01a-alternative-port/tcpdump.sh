#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443 or tcp src port 8080'
