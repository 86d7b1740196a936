import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])

axes = data.plot(x="rules", y=["throughput_mbps", "latency_ns"], subplots=True, figsize=(8, 8))
axes[0].set_ylabel("Throughput [Mbits/sec]")
axes[1].set_ylabel("Latency [ns]")
plt.savefig(sys.argv[2])
