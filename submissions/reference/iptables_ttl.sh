#!/bin/bash
# iptables hands BPF programs the packet from its IP header on, hence bytecode for RAW.
# Appended, not inserted: TTL is not a verdict, so the last rule that sets it wins.
iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
