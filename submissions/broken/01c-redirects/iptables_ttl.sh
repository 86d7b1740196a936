#!/bin/bash
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
iptables -t nat -A OUTPUT -p udp --dport 53 -j DNAT --to-destination 8.8.8.8
