"""Draws an experiment's results: plot.py RESULTS.csv FIGURE.png."""

import argparse

import matplotlib.pyplot as plt
import pandas as pd

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("results", help="rules,throughput_mbps,latency_ns")
parser.add_argument("figure", help="the PNG to write")
args = parser.parse_args()

data = pd.read_csv(args.results)
figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(8, 7), layout="constrained")

top.plot(data["rules"], data["throughput_mbps"] / 1000, marker=".", color="tab:blue")
top.set_title("Throughput")
top.set_ylabel("throughput (Gbit/s)")
top.set_ylim(bottom=0)
top.grid(alpha=0.3)

bottom.plot(data["rules"], data["latency_ns"] / 1000, marker=".", color="tab:red")
bottom.set_title("Time in nf_hook_slow")
bottom.set_ylabel("average latency (µs per call)")
bottom.set_xlabel("rules in OUTPUT")
bottom.set_ylim(bottom=0)
bottom.grid(alpha=0.3)

figure.savefig(args.figure, dpi=120)
