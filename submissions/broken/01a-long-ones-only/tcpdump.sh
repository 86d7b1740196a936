#!/bin/bash
# Means to leave out acknowledgments, and leaves out every short segment of HTTP.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or (tcp src port 80 and (greater 200 or ip6)) or tcp src port 443'
