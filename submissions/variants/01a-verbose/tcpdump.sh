#!/bin/bash
# More detail than asked for: checksums, TTLs, link header in the text line (not in the dump),
# absolute sequence numbers, no promiscuous mode.
tcpdump -v -e -S -p -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
