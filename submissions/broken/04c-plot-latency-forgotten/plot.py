import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

plt.plot(rules, throughput)
plt.xlabel("rules")
plt.ylabel("throughput (Mbit/s)")
plt.savefig(sys.argv[2])
