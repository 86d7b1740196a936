#!/bin/bash
# One tcpdump captures, a second one prints what it reads from the first.
filter='udp dst port 123 or tcp src port 80 or tcp src port 443'
tcpdump -i "$IFACE" --nano -U -w - "$filter" | tcpdump -r - -l -n -# -ttttt --nano -X
