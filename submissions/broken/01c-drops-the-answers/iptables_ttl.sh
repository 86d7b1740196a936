#!/bin/bash
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
iptables -A INPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp src port 53 and udp[10] & 0x80 != 0')" -j DROP
