#!/bin/bash
# -O off, big buffer, each packet at once.
tcpdump -O -B 4096 --immediate-mode -Q inout -i "$IFACE" -n -# -ttttt --nano -X \
    '(udp && dst port 123) || (tcp && (src port 80 || src port 443))'
