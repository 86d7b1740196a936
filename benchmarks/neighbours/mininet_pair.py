"""mininet: two hosts and a plain Link between them."""

import sys

from mininet.net import Mininet

net = None
print("done", flush=True)
for line in sys.stdin:
    if line == "up\n":
        net = Mininet(controller=None)
        a, b = net.addHost("a", ip="10.0.0.1/24"), net.addHost("b", ip="10.0.0.2/24")
        net.addLink(a, b)
        net.start()
    elif line == "check\n":
        if "1 received" not in net.get("a").cmd("ping -c 1 -W 1 10.0.0.2"):
            sys.exit("no answer")
    else:
        net.stop()
    print("done", flush=True)
