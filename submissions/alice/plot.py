import sys

import matplotlib.pyplot as plt
import pandas as pd

df = pd.read_csv(sys.argv[1])

fig, ax = plt.subplots(1, 2, figsize=(11, 4))
ax[0].plot(df.rules, df.throughput_mbps, "o-")
ax[0].set_xlabel("iptables rules in OUTPUT")
ax[0].set_ylabel("throughput [Mbit/s]")
ax[1].plot(df.rules, df.latency_ns, "o-", color="darkred")
ax[1].set_xlabel("iptables rules in OUTPUT")
ax[1].set_ylabel("latency of nf_hook_slow")
fig.suptitle("What iptables rules cost")
fig.tight_layout()
plt.savefig(sys.argv[2])
