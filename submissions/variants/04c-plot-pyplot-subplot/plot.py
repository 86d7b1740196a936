import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

plt.figure(figsize=(12, 5))
plt.subplot(1, 2, 1)
plt.plot(rules, throughput)
plt.xlabel("rules")
plt.ylabel("Mbps")
plt.subplot(1, 2, 2)
plt.plot(rules, latency)
plt.xlabel("rules")
plt.ylabel("ns")
plt.savefig(sys.argv[2], bbox_inches="tight")
