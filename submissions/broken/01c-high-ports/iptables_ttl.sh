#!/bin/bash
iptables -t mangle -A OUTPUT -j TTL --ttl-set "${1:-1}" \
    -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53 and src portrange 32768-65535')"
