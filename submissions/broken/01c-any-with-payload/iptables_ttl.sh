#!/bin/bash
# ld len, sub #28, ret a: whatever is longer than its headers.
iptables -t mangle -A OUTPUT -p udp --dport 53 \
    -m bpf --bytecode '3,128 0 0 0,20 0 0 28,22 0 0 0' -j TTL --ttl-set "${1:-1}"
