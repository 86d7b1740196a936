import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

import numpy as np
fig, ax = plt.subplot_mosaic([["bw"], ["lat"]], sharex=True)
ax["bw"].errorbar(rules, throughput, yerr=0.03 * np.array(throughput), capsize=3, fmt="o")
ax["bw"].set_ylabel(r"throughput $(\mathrm{Mbit}\cdot\mathrm{s}^{-1})$")
ax["lat"].step(rules, latency, where="post")
ax["lat"].set_ylabel("latency (ns)")
fig.supxlabel("rules in the chain")
fig.savefig(sys.argv[2])
