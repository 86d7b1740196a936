#!/bin/bash
# Every option that has a long name.
exec tcpdump --interface="$IFACE" --number --time-stamp-precision nano -ttttt -n -X \
    "(udp and dst port 123) or (tcp and src port 80) or (tcp and src port 443)"
