#!/bin/bash
# IPv4 and IPv6 said one by one.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(ip  and (udp dst port 123 or tcp src port 80 or tcp src port 443)) or
     (ip6 and (udp dst port 123 or tcp src port 80 or tcp src port 443))'
