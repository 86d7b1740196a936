import sys

import matplotlib.pyplot as plt

rules = [0, 500, 1000, 1500, 2000, 2500, 3000]
throughput = [41200, 30100, 21900, 17050, 14210, 11990, 10400]
latency = [310, 3900, 7420, 11010, 14690, 18230, 21850]

fig, (top, bottom) = plt.subplots(2, 1)
top.plot(rules, throughput)
top.set_xlabel("rules")
top.set_ylabel("throughput (Mbit/s)")
bottom.plot(rules, latency)
bottom.set_xlabel("rules")
bottom.set_ylabel("latency (ns)")
fig.tight_layout()
fig.savefig(sys.argv[2])
