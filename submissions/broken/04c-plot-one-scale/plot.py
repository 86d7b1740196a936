import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

plt.plot(rules, throughput, label="throughput (Mbit/s)")
plt.plot(rules, latency, label="latency (ns)")
plt.xlabel("rules")
plt.ylabel("Mbit/s, ns")
plt.legend()
plt.savefig(sys.argv[2])
