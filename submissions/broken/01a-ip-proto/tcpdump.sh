#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(ip proto 17 and dst port 123) or (ip proto 6 and src port (80 or 443))'
