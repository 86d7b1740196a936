import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

table = np.genfromtxt(sys.argv[1], delimiter=",", names=True)
figure = Figure(figsize=(9, 4), dpi=100)
canvas = FigureCanvasAgg(figure)
for place, column, label in ((121, "throughput_mbps", "throughput (Mbit/s)"),
                             (122, "latency_ns", "latency (ns)")):
    axes = figure.add_subplot(place)
    axes.plot(table["rules"], table[column])
    axes.set_xlabel("rules")
    axes.set_ylabel(label)
with open(sys.argv[2], "wb") as file:
    canvas.print_png(file)
