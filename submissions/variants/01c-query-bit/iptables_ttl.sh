#!/bin/bash
# A message of DNS with the query bit: its port is one of the two, and QR is 0.
filter='udp port 53 and ip[((ip[0] & 0xf) << 2) + 10] & 0x80 = 0'
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW "$filter")" -j TTL --ttl-set "${1:-1}"
