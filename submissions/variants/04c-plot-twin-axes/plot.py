import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, ax1 = plt.subplots()
ax1.set_xlabel("Number of rules")
ax1.set_ylabel("Throughput (Mbit/s)", color="b")
ax1.plot(rules, throughput, "b-o")
ax2 = ax1.twinx()
ax2.set_ylabel("Latency (ns)", color="r")
ax2.plot(rules, latency, "r-x")
fig.tight_layout()
plt.savefig(sys.argv[2])
plt.show()
