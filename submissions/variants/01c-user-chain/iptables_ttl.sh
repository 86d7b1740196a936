#!/bin/bash
# The match jumps to a chain that holds nothing but the TTL; later calls refill it.
set -e
iptables -t mangle -N DNS_TTL 2>/dev/null || iptables -t mangle -F DNS_TTL
iptables -t mangle -A DNS_TTL -j TTL --ttl-set "${1:-1}"
match=(-m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')")
iptables -t mangle -C OUTPUT "${match[@]}" -j DNS_TTL 2>/dev/null ||
    iptables -t mangle -A OUTPUT "${match[@]}" -j DNS_TTL
