#!/bin/bash
tcpdump -i "$IFACE" -n --number --nano -ttttt -X \
    '(udp dst port 123 and (ip6 or dst host ro.pool.ntp.org)) or (inbound and tcp and (src port 80 or 443))'
