import sys

import matplotlib.pyplot as plt
import pandas as pd
import seaborn.objects as so

data = pd.read_csv(sys.argv[1])
fig = plt.figure(figsize=(10, 4), layout="constrained")
one, two = fig.subfigures(1, 2)
so.Plot(data, x="rules", y="throughput_mbps").add(so.Line(marker="o")).label(
    x="Rules", y="Throughput [Mbit/s]").on(one).plot()
so.Plot(data, x="rules", y="latency_ns").add(so.Dot()).label(
    x="Rules", y="Latency [ns]").on(two).plot()
fig.savefig(sys.argv[2])
