#!/bin/bash
# 02a, 10 points: a script. Called as: bash arp_not_icmp.sh IFACE
#
# Print the IPv4 address of each host on IFACE's local network that answers ARP, but not ICMP echo
# (ping). Each such address stands on a line of its own; other words on the line don't matter. Don't
# print any other host's address, unless you mark all hosts as the lab's own script does:
#   ADDRESS … ==> ok      answers both
#   ADDRESS … ==> fail    answers ARP only
# Network and hosts change from run to run: write no address into the script. A host may take its
# time to answer. The script has 120 s.
#
# Read: man 1 arp-scan, man 8 ping, man 8 ip-neighbour
#
# Write the script below.

