#!/bin/bash
exec python3 - "$1" <<'EOF'
import sys
from scapy.all import ARP, Ether, ICMP, IP, get_if_addr, srp
net = get_if_addr(sys.argv[1]) + "/24"
found, _ = srp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=net), iface=sys.argv[1], timeout=2, retry=1, verbose=0)
macs = {reply.psrc: reply.hwsrc for _, reply in found}
for ip, mac in macs.items():
    if not srp(Ether(dst=mac) / IP(dst=ip) / ICMP(), iface=sys.argv[1], timeout=0.1, verbose=0)[0]:
        print(ip)
EOF
