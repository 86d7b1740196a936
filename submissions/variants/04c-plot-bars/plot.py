import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

names = [str(n) for n in rules]
fig, (left, right) = plt.subplots(1, 2, figsize=(14, 5))
left.bar(names, throughput)
left.set_xlabel("rules")
left.set_ylabel("throughput (Mbit/s)")
left.tick_params(axis="x", rotation=90)
right.bar(names, latency, color="orange")
right.set_xlabel("rules")
right.set_ylabel("latency (ns)")
right.tick_params(axis="x", rotation=90)
fig.tight_layout()
fig.savefig(sys.argv[2])
