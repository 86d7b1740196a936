#!/bin/bash
# Gives up after ten minutes; --foreground leaves it in the group that Ctrl-C reaches.
timeout --foreground --signal=INT 10m \
    tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
