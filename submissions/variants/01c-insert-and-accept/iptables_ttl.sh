#!/bin/bash
# Inserted in front, yet right: the TTL rule and an ACCEPT behind it keep older rules out.
match=(-m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')")
iptables -t mangle -I OUTPUT 1 "${match[@]}" -j TTL --ttl-set "${1:-1}"
iptables -t mangle -I OUTPUT 2 "${match[@]}" -j ACCEPT
