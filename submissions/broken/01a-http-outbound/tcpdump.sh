#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(outbound and (udp dst port 123 or tcp src port 80)) or (inbound and tcp src port 443)'
