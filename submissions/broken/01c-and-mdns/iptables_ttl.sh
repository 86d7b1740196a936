#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53 or udp dst port 5353')" \
    -j TTL --ttl-set "${1:-1}"
