import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, ax = plt.subplots(2)
ax[0].plot(rules, throughput)
ax[1].plot(rules, latency)
plt.xlabel("rules")
plt.ylabel("throughput (Mbit/s)")
plt.ylabel("latency (ns)")
fig.savefig(sys.argv[2])
