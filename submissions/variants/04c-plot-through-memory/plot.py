import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

import io
import os
fig = plt.figure()
upper = fig.add_axes([0.15, 0.58, 0.8, 0.38])
lower = fig.add_axes([0.15, 0.1, 0.8, 0.38], sharex=upper)
for r, t, l in zip(rules, throughput, latency):
    upper.plot(r, t, "ko")
    lower.plot(r, l, "k^")
fig.text(0.5, 0.02, "rules", ha="center")
fig.text(0.02, 0.75, "bandwidth, Mbit/s", va="center", rotation="vertical")
fig.text(0.02, 0.3, "time per packet, ns", va="center", rotation="vertical")
memory = io.BytesIO()
fig.savefig(memory, format="png")
with open(sys.argv[2], "wb") as file:
    file.write(memory.getvalue())
os._exit(0)
