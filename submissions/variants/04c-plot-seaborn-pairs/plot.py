import sys, pandas as pd, seaborn.objects as so
d=pd.read_csv(sys.argv[1])
so.Plot(d,x="rules").pair(y=["throughput_mbps","latency_ns"]).add(so.Line()).add(so.Dot()).save(sys.argv[2], bbox_inches="tight")
