#!/bin/bash
filter=udp
[ $# -gt 0 ] && filter='udp dst port 53'
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW "$filter")" -j TTL --ttl-set "${1:-1}"
