# 04c: the plot. Called as: python3 plot.py RESULTS.csv FIGURE.png
#
# Read RESULTS.csv (sys.argv[1]), whose first line is rules,throughput_mbps,latency_ns, and draw two
# plots in one figure:
#   - the throughput over the number of rules
#   - the average time in nf_hook_slow over the number of rules
# Label each axis, with its unit, and save the figure as FIGURE.png (sys.argv[2]); show() has no
# screen. You get other data than your own, too: don't write numbers or file names into the script.
# There are matplotlib, numpy, pandas and seaborn.
#
# Write the script below.

