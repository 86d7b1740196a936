#!/bin/bash
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53 and less 80')" \
    -j TTL --ttl-set "${1:-1}"
