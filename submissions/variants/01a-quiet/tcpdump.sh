#!/bin/bash
# Short text lines, whole packets, nothing on standard error.
tcpdump -q -K -s 0 -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443' 2>/dev/null
