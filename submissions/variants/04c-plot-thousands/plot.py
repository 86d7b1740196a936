import sys

import matplotlib.pyplot as plt
import pandas as pd

data = pd.read_csv(sys.argv[1])

data["k"] = data["rules"] / 1000
plt.style.use("ggplot")
f, (a, c) = plt.subplots(1, 2)
a.plot("k", "throughput_mbps", "-", data=data)
a.set_xlabel("rules (thousands)")
a.set_ylabel("throughput (MBit/s)")
c.plot("k", "latency_ns", "-", data=data)
c.set_xlabel("rules (thousands)")
c.set_ylabel("latency (nsec)")
f.savefig(fname=sys.argv[2], format="png", dpi=300)
plt.close(f)
