#!/bin/bash
tcpdump -i "$IFACE" -n --number --nano -ttttt -X \
    '(outbound and udp dst port 123) or (tcp src port 443) or (src host www.google.com and tcp src port 80) or (src host ocw.cs.pub.ro and tcp src port 80)'
