import sys

import pandas as pd
import plotly.express as px

data = pd.read_csv(sys.argv[1])
px.line(data, x="rules", y=["throughput_mbps", "latency_ns"]).write_image(sys.argv[2])
