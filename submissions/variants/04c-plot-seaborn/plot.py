import sys

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

sns.set_theme(style="whitegrid")
data = pd.read_csv(sys.argv[1])
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
sns.lineplot(data=data, x="rules", y="throughput_mbps", marker="o", ax=axes[0])
sns.regplot(data=data, x="rules", y="latency_ns", ax=axes[1])
fig.tight_layout()
fig.savefig(sys.argv[2])
