import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])

data = data.set_index("rules")
ax = data["throughput_mbps"].plot(style="o-", legend=True)
ax.set_ylabel("Megabits per second")
right = data["latency_ns"].plot(secondary_y=True, style="s--", legend=True)
right.set_ylabel("nanoseconds")
ax.set_xlabel("number of iptables rules")
ax.get_figure().savefig(sys.argv[2])
