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
left.plot(throughput, rules)
left.set_xlabel("throughput (Mbit/s)")
left.set_ylabel("rules")
right.plot(latency, rules)
right.set_xlabel("latency (ns)")
right.set_ylabel("rules")
fig.savefig(sys.argv[2])
