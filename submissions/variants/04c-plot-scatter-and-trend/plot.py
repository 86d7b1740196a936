import sys

import matplotlib
matplotlib.use("TkAgg")
import matplotlib.pyplot as plt
import numpy as np

r, t, l = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1, unpack=True)
fig, ax = plt.subplots(2, 1)
ax[0].scatter(r, t, s=12)
ax[0].axhline(t[0], ls=":", c="gray", label="baseline")
ax[0].set(xlabel="# rules", ylabel="throughput [Mb/s]")
ax[0].legend()
k, m = np.polyfit(r, l, 1)
ax[1].scatter(r, l, s=12)
ax[1].plot(r, k * r + m, "r--", label=f"{k:.2f} ns per rule")
ax[1].set(xlabel="# rules", ylabel="latency [ns]")
ax[1].legend()
plt.show()
plt.savefig(sys.argv[2])
