import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

from matplotlib.ticker import EngFormatter, FuncFormatter
fig, (a, c) = plt.subplots(2, 1, sharex=True, layout="constrained")
a.plot(rules, [t * 1e6 for t in throughput])
a.yaxis.set_major_formatter(EngFormatter(unit="bit/s"))
a.set_ylabel("throughput")
c.plot(rules, latency)
c.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y / 1000:.1f}"))
c.set_ylabel("latency (µs)")
c.set_xlabel("rules")
fig.savefig(sys.argv[2])
