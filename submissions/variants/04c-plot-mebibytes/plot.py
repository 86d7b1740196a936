import sys, pandas as pd, matplotlib.pyplot as plt
d=pd.read_csv(sys.argv[1]); f,a=plt.subplots(2,1,sharex="col",layout="tight")
a[0].semilogy(d.rules,d.throughput_mbps*1e6/8/2**20); a[1].plot(d.rules,d.latency_ns/1e6)
a[0].set_ylabel("Throughput (MiB/s)"); a[1].set_ylabel("Delay, ms"); a[1].ticklabel_format(axis="y",style="sci",scilimits=(0,0))
f.supxlabel("Regeln"); a[1].invert_xaxis()
f.savefig(sys.argv[2], transparent=True, dpi=400)
