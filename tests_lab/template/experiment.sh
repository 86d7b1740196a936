#!/bin/bash
# 04c, 15 points with results.csv and plot.py: the experiment. Called as root,
# as: bash experiment.sh SERVER RESULTS.csv
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
# nf_latency.bt and plot.py lie beside the script, if you hand them in; no other file of yours does.
# bpftrace takes seconds to attach its probes, so wait until it says so, not for a fixed time.
#
# results.csv, which you hand in too, is what the script wrote on your own computer, with
# RULES_MAX=3000 RULES_STEP=100.
#
# Read: man 1 iperf3 (-J, -t), man 8 iptables, man 8 iptables-restore
#
# Write the script below.

