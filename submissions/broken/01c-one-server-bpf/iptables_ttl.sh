#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53 and dst host 8.8.8.8')" \
    -j TTL --ttl-set "${1:-1}"
