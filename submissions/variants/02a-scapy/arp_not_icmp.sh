#!/bin/bash
exec python3 - "$1" <<'EOF'
import logging, sys
logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import ARP, Ether, ICMP, IP, conf, get_if_addr, srp

conf.verb = 0
iface = sys.argv[1]
net = get_if_addr(iface).rsplit(".", 1)[0] + ".0/24"
found, _ = srp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=net), iface=iface, timeout=2, retry=1)
macs = {answer.psrc: answer.hwsrc for _, answer in found}
pings = [Ether(dst=mac) / IP(dst=ip) / ICMP() for ip, mac in macs.items()]
replies, _ = srp(pings, iface=iface, timeout=2)
alive = {answer[IP].src for _, answer in replies}
for ip in macs:
    if ip not in alive:
        print(ip, macs[ip])
EOF
