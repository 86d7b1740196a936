#!/bin/bash
# The same set of packets, by negation.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'not ((not udp or not dst port 123) and (not tcp or (not src port 80 and not src port 443)))'
