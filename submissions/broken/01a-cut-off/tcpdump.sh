#!/bin/bash
# -s 96 cuts longer packets off: their bytes are not all shown.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X -s 96 'udp dst port 123 or tcp src port 80 or tcp src port 443'
