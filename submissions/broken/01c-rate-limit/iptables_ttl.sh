#!/bin/bash
iptables -t mangle -A OUTPUT -m limit --limit 1/second \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set "${1:-1}"
