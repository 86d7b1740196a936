#!/bin/bash
# 04c: the experiment. Called as root, as: bash experiment.sh SERVER RESULTS.csv
#
#   SERVER        the address of an iperf3 server
#   RESULTS.csv   the file that you write, with this first line:
#                 rules,throughput_mbps,latency_ns
# and with three numbers in the environment:
#   RULES_MAX     how many rules there are in the end
#   RULES_STEP    how many are added in each step
#   DURATION      how long each measurement takes, in seconds
#
# Begin without rules. In each step measure the throughput with iperf3, in Mbit/s, and with
# nf_latency.bt the average time in nf_hook_slow, in ns, at the same time; write a line; then add
# RULES_STEP rules to OUTPUT that never match. Stop after RULES_MAX. Whatever happens, leave OUTPUT
# empty.
#
# Read: man 1 iperf3 (-J, -t), man 8 iptables, man 8 iptables-restore
#
# Write the script below.

