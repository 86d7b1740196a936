#!/bin/bash
# Every interface at once; the direction tells loopback's copies apart.
# -X leaves the cooked link header out just as it does Ethernet's.
sudo tcpdump -i any -#nXttttt --time-stamp-precision=nano \
    '(udp dst port 123 and outbound) or (inbound and tcp and (src port 80 or src port 443))'
