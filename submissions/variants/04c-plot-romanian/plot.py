import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

figura, (sus, jos) = plt.subplots(2, 1, figsize=(8, 9))
sus.plot(rules, [t / 1000 for t in throughput])
sus.set_xlabel("Numărul de reguli")
sus.set_ylabel("Debit mediu (Gbiți/s)")
jos.plot(rules, [t / 1000 for t in latency])
jos.set_xlabel("Numărul de reguli")
jos.set_ylabel("Latență medie (μs)")
figura.savefig(sys.argv[2])
