import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, (top, bottom) = plt.subplots(2, 1)
top.plot(rules, throughput)
top.set_ylabel("rules")
top.set_xlabel("throughput (Mbit/s)")
bottom.plot(rules, latency)
bottom.set_ylabel("rules")
bottom.set_xlabel("latency (ns)")
fig.tight_layout()
fig.savefig(sys.argv[2])
