#!/bin/bash
# Puts the filter together in a loop.
filter='udp dst port 123'
for port in 80 443; do
    filter+=" or tcp src port $port"
done
tcpdump -i "$IFACE" -n -# -ttttt --nano -X "$filter"
