import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])

ax = data.plot.bar(x="rules", subplots=True, legend=False, title=["", ""])
ax[0].set_ylabel("Mbit/s")
ax[1].set_ylabel("ns")
plt.tight_layout()
plt.savefig(sys.argv[2])
