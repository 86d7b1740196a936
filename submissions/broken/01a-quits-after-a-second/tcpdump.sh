#!/bin/bash
timeout --foreground 1 tcpdump -i "$IFACE" -l -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
