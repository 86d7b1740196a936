#!/bin/bash
# 01b, 4 points: an iptables rule. Called once, as: bash iptables_log.sh
#
# In OUTPUT, log every packet that is
#   - TCP
#   - from an ephemeral source port (32768 and up)
#   - of a socket that root owns
# with exactly this prefix, the space at its end included: "root-packet: "
# Those packets still pass, and so do all others. Nothing else is logged: no other user's packets,
# no UDP, no lower source ports.
#
# Read: man 8 iptables-extensions: LOG, owner, multiport, tcp
# Try:  sudo curl www.google.com; sudo dmesg
#
# Write the rule below.

