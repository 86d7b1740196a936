#!/bin/bash
# 01d, 2 points: a packet that iptables cannot catch. Called as: bash uncaught.sh
#
# Every policy of iptables and ip6tables is DROP, and has to stay so. Make a packet leave the host
# all the same: not by a rule that lets it through, but past all rules.
# An ARP request that the kernel sends only because of a packet that was let through does not count.
# $IFACE is the interface.
#
# Write the command below.

