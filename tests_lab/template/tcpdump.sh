#!/bin/bash
# 01a, 10 points: one tcpdump command, as you would type it. Called as: bash tcpdump.sh
#
# It is to print
#   - every outgoing NTP query: UDP to port 123
#   - every incoming HTTP or HTTPS response: TCP from port 80 or 443
# over IPv4 and IPv6, and nothing else. Each packet is to come with
#   - its number
#   - the time since the first packet, in nanoseconds
#   - its bytes in hex and ASCII, without the link header
#   - addresses and ports as numbers, no names
#
# $IFACE is the interface. The command runs until Ctrl-C: no -c, no -w.
# Read: man 1 tcpdump; man 7 pcap-filter
# Try:  ntpdate -q ro.pool.ntp.org; curl ocw.cs.pub.ro
#
# Write the command below.

