#!/bin/bash
tcpdump -i "$IFACE" -n --number --nano -ttttt -X \
    '(udp dst port 123) or (tcp src port 443) or (tcp src port 80 and (ip[33] & 8 != 0 or ip6[53] & 8 != 0))'
