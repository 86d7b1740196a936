#!/bin/bash
# Replaces the first rule if there is one.
rule=(-m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set "${1:-1}")
iptables -t mangle -R OUTPUT 1 "${rule[@]}" 2>/dev/null || iptables -t mangle -A OUTPUT "${rule[@]}"
