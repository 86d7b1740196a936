#!/bin/bash
# limit, 5 points. Called once, as: bash limit.sh RATE
#
# Have the host answer at most RATE echo requests (ping) a second, whoever sends them, and drop what
# exceeds it. A second's worth may be answered at once. No other packet is limited: not the answers
# to the host's own pings, not TCP.
#
# Read: man 8 nft: LIMIT STATEMENT
#
# Write the rules below.

