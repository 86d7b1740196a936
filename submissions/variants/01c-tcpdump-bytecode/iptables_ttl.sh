#!/bin/bash
# Without nfbpf_compile: tcpdump prints the same program, one instruction a line.
bytecode=$(tcpdump -y RAW -ddd 'udp dst port 53' | tr '\n' ',')
iptables -t mangle -A OUTPUT -m bpf --bytecode "${bytecode%,}" -j TTL --ttl-set "${1:-1}"
