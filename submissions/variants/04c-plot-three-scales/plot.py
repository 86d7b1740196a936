import sys, pandas as pd, matplotlib.pyplot as plt
d=pd.read_csv(sys.argv[1])
fig, host = plt.subplots(); par=host.twinx(); par2=host.twinx(); par2.spines["right"].set_position(("axes",1.2))
host.plot(d.rules,d.throughput_mbps,label="t"); par.plot(d.rules,d.latency_ns,"r",label="l"); par2.plot(d.rules,d.latency_ns/d.rules.clip(lower=1),"g")
host.set(xlabel="rules",ylabel="Mbit/s"); par.set_ylabel("ns"); par2.set_ylabel("ns per rule"); fig.legend(); fig.subplots_adjust(right=.75)
plt.title("x"); plt.grid(); plt.tight_layout(); plt.savefig(sys.argv[2]); plt.close("all")
