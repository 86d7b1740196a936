import csv
import sys

import matplotlib.pyplot as plt

rules, throughput, latency = [], [], []
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        rules.append(int(row["rules"]))
        throughput.append(float(row["throughput_mbps"]))
        latency.append(float(row["latency_ns"]))

fig, axs = plt.subplots(2, 2, figsize=(10, 8))
axs[0, 0].plot(rules, throughput)
axs[0, 0].set_title("throughput")
axs[0, 0].set(xlabel="rules", ylabel="Mbit/s")
axs[0, 1].plot(rules, latency)
axs[0, 1].set_title("latency")
axs[0, 1].set(xlabel="rules", ylabel="ns")
axs[1, 0].plot(latency, throughput, "o")
axs[1, 0].set(xlabel="ns", ylabel="Mbit/s")
axs[1, 1].axis("off")
axs[1, 1].text(0, 0.5, f"{len(rules)} measurements")
fig.savefig(sys.argv[2])
fig.savefig(sys.argv[2].replace(".png", ".pdf"))
print(open(sys.argv[1]).read())
