#!/bin/bash
# Even IP gets out where no IP code handles it: an echo request in a hand-made frame.
python3 - <<'PY'
import os
from scapy.all import ICMP, IP, Ether, conf, sendp
iface = os.environ.get("IFACE", "eth0")
gateway = conf.route.route("8.8.8.8")[2]
sendp(Ether(dst="ff:ff:ff:ff:ff:ff") / IP(dst=gateway) / ICMP(), iface=iface, count=3, verbose=False)
PY
