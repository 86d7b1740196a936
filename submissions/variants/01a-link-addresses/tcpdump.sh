#!/bin/bash
# The direction by MAC address: what eth0's own address sends, and what others send to it.
mac=$(cat "/sys/class/net/$IFACE/address")
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    "(ether src $mac and udp dst port 123) or (ether dst $mac and tcp src port (80 or 443))"
