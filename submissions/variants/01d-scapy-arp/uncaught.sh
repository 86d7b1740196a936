#!/bin/bash
# An ARP request by scapy, waiting for the answer.
python3 -c '
from scapy.all import conf, arping
conf.verb = 0
gateway = conf.route.route("8.8.8.8")[2]
arping(gateway, timeout=1)
'
