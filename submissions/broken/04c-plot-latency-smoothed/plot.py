import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])
rules, throughput = data.rules, data.throughput_mbps
latency = data.latency_ns.rolling(3, min_periods=1, center=True).mean()

fig, (top, bottom) = plt.subplots(2, 1)
top.plot(rules, throughput)
top.set_xlabel("rules")
top.set_ylabel("throughput (Mbit/s)")
bottom.plot(rules, latency)
bottom.set_xlabel("rules")
bottom.set_ylabel("latency (ns)")
fig.tight_layout()
fig.savefig(sys.argv[2])
