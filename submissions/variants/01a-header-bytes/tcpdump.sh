#!/bin/bash
# Everything by offsets. udp[] and tcp[] are IPv4 only (and never a later fragment's bytes),
# so IPv6 is spelled out: next header at 6, ports at 40 and 42.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X '
    udp[2:2] = 0x7b or (ip6[6] = 17 and ip6[42:2] = 0x7b) or
    tcp[0:2] = 80   or (ip6[6] = 6  and ip6[40:2] = 80)   or
    tcp[0:2] = 443 or (ip6[6] = 6  and ip6[40:2] = 443)'
