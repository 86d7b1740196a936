#!/bin/bash
iptables -t mangle -A OUTPUT -m conntrack --ctstate NEW \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set "${1:-1}"
