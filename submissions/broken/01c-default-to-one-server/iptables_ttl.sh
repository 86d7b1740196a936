#!/bin/bash
filter='udp dst port 53'
[ $# -eq 0 ] && filter="$filter and dst host 8.8.8.8"
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW "$filter")" -j TTL --ttl-set "${1:-1}"
