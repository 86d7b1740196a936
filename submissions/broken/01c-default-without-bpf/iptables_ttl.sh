#!/bin/bash
match=(-p udp --dport 53)
[ -n "$1" ] && match=(-m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')")
iptables -t mangle -A OUTPUT "${match[@]}" -j TTL --ttl-set "${1:-1}"
