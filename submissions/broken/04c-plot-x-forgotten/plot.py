import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, (left, right) = plt.subplots(1, 2)
left.plot(rules, throughput)
left.set_xlabel("rules")
left.set_ylabel("throughput (Mbit/s)")
right.plot(rules, latency)
right.set_ylabel("latency (ns)")
fig.savefig(sys.argv[2])
