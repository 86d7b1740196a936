#!/bin/bash
# 1.a - NTP queries out, HTTP(S) responses in
sudo tcpdump -i $IFACE -n -# -ttttt -X "(udp dst port 123) or (tcp src port 80 or 443)"
