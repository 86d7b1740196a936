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
x, w = np.arange(len(rules)), 0.4
fig, ax = plt.subplots(figsize=(10, 5))
ax.bar(x - w / 2, throughput, w, color="C0", label="throughput")
ax.set_ylabel("throughput (Mbit/s)")
twin = ax.twinx()
twin.bar(x + w / 2, latency, w, color="C1", label="latency")
twin.set_ylabel("latency (ns)")
ax.set_xticks(x, [str(r) for r in rules])
ax.set_xlabel("rules")
fig.savefig(sys.argv[2])
