#!/bin/bash
# Says the direction as well as the ports: exact even if this host serves HTTP or NTP.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    '(outbound and udp dst port 123) or (inbound and tcp src port (80 or 443))'
