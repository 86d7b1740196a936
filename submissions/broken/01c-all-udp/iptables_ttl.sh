#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp')" \
    -j TTL --ttl-set "${1:-1}"
