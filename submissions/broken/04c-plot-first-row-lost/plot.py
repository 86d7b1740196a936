import sys

import matplotlib.pyplot as plt
import pandas as pd

names = ["rules", "throughput", "latency"]
data = pd.read_csv(sys.argv[1], skiprows=1).set_axis(names, axis=1)
rules, throughput, latency = data.rules, data.throughput, data.latency

fig, (top, bottom) = plt.subplots(2, 1)
top.plot(rules, throughput)
top.set_xlabel("rules")
top.set_ylabel("throughput (Mbit/s)")
bottom.plot(rules, latency)
bottom.set_xlabel("rules")
bottom.set_ylabel("latency (ns)")
fig.tight_layout()
fig.savefig(sys.argv[2])
