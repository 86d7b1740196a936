#!/bin/bash
# 03a, 10 points with both traces: the pwru command that you traced with. Called as: bash pwru.sh
#
# It is to trace outgoing DNS queries to 8.8.8.8, and nothing else, with relative timestamps.
# Its output is what you hand in as pwru_pass.txt and pwru_drop.txt.
#
# Read: pwru --help; man 7 pcap-filter
#
# Write the command below.

