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
top.plot(rules, throughput, label="Mbit/s")
top.set_title("Throughput (Mbit/s) by number of rules")
top.legend()
bottom.plot(rules, latency, label="ns")
bottom.set_title("Latency (ns) by number of rules")
bottom.legend()
fig.savefig(sys.argv[2])
