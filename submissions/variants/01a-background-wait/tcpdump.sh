#!/bin/bash
# In the background, then just wait: Ctrl-C reaches both.
tcpdump -i "$IFACE" -l -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443' &
wait
