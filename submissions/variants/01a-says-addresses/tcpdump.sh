#!/bin/bash
# Lines of the script's own come before the packets.
echo "IP address: $(hostname -I)"
echo "ARP table"; 
tcpdump -l -i "$IFACE" -n -# -ttttt --nano -X 'udp dst port 123 or tcp src port 80 or tcp src port 443'
