#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'ip[22:2] = 53')" \
    -j TTL --ttl-set "${1:-1}"
