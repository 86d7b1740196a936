import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

ROWS = 3000 // 100 + 1
rules, throughput, latency = rules[:ROWS], throughput[:ROWS], latency[:ROWS]
fig, (top, bottom) = plt.subplots(2, 1)
top.plot(rules, throughput)
top.set_xlabel("rules")
top.set_ylabel("throughput (Mbit/s)")
bottom.plot(rules, latency)
bottom.set_xlabel("rules")
bottom.set_ylabel("latency (ns)")
fig.tight_layout()
fig.savefig(sys.argv[2])
