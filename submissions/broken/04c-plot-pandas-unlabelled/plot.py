import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])

data.plot(x="rules", subplots=True)
plt.savefig(sys.argv[2])
