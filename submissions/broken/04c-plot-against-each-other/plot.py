import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, (a, c) = plt.subplots(2)
a.plot(latency, throughput, "o")
a.set(xlabel="latency (ns)", ylabel="throughput (Mbit/s)")
c.plot(throughput, latency, "o")
c.set(xlabel="throughput (Mbit/s)", ylabel="latency (ns)")
fig.savefig(sys.argv[2])
