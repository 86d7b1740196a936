#!/bin/bash
# timeout without --foreground takes a process group of its own, which Ctrl-C does not reach.
timeout 60 tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
