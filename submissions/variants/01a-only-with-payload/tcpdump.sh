#!/bin/bash
# Leaves out the responses' segments that carry no data (pure ACKs, handshake), for both families.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X '
    udp dst port 123
    or (tcp src port (80 or 443) and ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0)
    or (ip6 and tcp src port (80 or 443) and ip6[4:2] - ((ip6[52] & 0xf0) >> 2) != 0)'
