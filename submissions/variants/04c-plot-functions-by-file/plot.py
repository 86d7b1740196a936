import os
import subprocess
import sys

DRAW = """
import sys
import matplotlib.pyplot as plt
import pandas as pd
d = pd.read_csv(sys.argv[1]).sort_values("rules", ascending=False)
f, a = plt.subplots(ncols=2, constrained_layout=True)
a[0].fill_between(d.rules, d.throughput_mbps, alpha=0.3)
a[0].set(xlabel="rules", ylabel="Mbit/s")
a[1].stem(d.rules, d.latency_ns)
a[1].set(xlabel="rules", ylabel="ns/packet")
f.savefig(sys.argv[2] + ".part", format="png")
"""
if __name__ == "__main__":
    subprocess.run([sys.executable, "-c", DRAW, *sys.argv[1:]], check=True)
    os.replace(sys.argv[2] + ".part", sys.argv[2])
