#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-dec "${1:-1}"
