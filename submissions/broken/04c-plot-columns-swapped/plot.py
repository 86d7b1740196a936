import sys, numpy as np, matplotlib.pyplot as plt
r,l,t=np.loadtxt(sys.argv[1],delimiter=",",skiprows=1,unpack=True)
plt.subplot(211); plt.plot(r,t); plt.ylabel("Throughput (Mbps)"); plt.xlabel("rules")
plt.subplot(212); plt.plot(r,l); plt.ylabel("Latency (ns)"); plt.xlabel("rules")
plt.savefig(sys.argv[2])
