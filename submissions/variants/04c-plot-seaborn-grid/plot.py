import sys

import pandas as pd
import seaborn as sns

data = pd.read_csv(sys.argv[1])
data = data.rename(columns={"throughput_mbps": "Throughput (Mbit/s)", "latency_ns": "Latency (ns)"})
tidy = data.melt("rules", var_name="what", value_name="value")
grid = sns.relplot(tidy, x="rules", y="value", row="what", kind="line", marker="o",
                   facet_kws={"sharey": False})
for name, ax in grid.axes_dict.items():
    ax.set_title("")
    ax.set_ylabel(name)
grid.savefig(sys.argv[2])
