import sys, pandas as pd, matplotlib.pyplot as plt
d=pd.read_csv(sys.argv[1])
plt.plot(d.rules,d.throughput_mbps); plt.savefig("throughput.png"); plt.clf()
plt.plot(d.rules,d.latency_ns); plt.savefig("latency.png")
