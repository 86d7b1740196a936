#!/bin/bash
iptables -t mangle -A OUTPUT -j TTL --ttl-set 64
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
