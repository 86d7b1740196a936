#!/bin/bash
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53 and len > 60')" \
    -j TTL --ttl-set "${1:-1}"
