#!/bin/bash
sudo iptables -t nat -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
