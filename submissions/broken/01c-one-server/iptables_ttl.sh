#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -d 8.8.8.8 -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
