#!/bin/bash
# 01c, 4 points: an iptables rule. Called as: bash iptables_ttl.sh [TTL]
#
# Append a rule that sets the TTL of DNS queries (UDP to port 53) to the script's argument, or to 1
# if there is none. A BPF program (-m bpf) is to choose the packets. Nothing else is changed.
# The script is called again and again, with 2, 3, …, until a query gets through.
#
# Read: man 8 iptables-extensions: bpf, TTL; man 8 nfbpf_compile
# Try:  dig +short fep.grid.pub.ro @8.8.8.8; sudo dmesg, if iptables says "Invalid argument"
#
# Write the rule below.

