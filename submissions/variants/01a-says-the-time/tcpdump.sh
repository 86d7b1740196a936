#!/bin/bash
# A line of the script's own, with a time in it, comes before the packets.
echo "$(date +%T.%N) starting capture"
tcpdump -i "$IFACE" -n -# -ttttt --nano -X 'udp dst port 123 or tcp src port 80 or tcp src port 443'
