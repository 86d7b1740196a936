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
a.semilogx(rules, throughput, ".-")
c.loglog(rules, [n * 1e-9 for n in latency], ".-")
a.set_xlabel("rules")
c.set_xlabel("rules")
a.set_ylabel("throughput (Mbps)")
c.set_ylabel("latency (seconds)")
plt.subplots_adjust(hspace=0.5)
plt.savefig(sys.argv[2])
