#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp[2:2] = 123 or tcp[0:2] = 80 or tcp[0:2] = 443'
