#!/bin/bash
# A `not` that came in while the filter was rearranged: everything but DNS queries.
iptables -t mangle -A OUTPUT \
    -m bpf --bytecode "$(nfbpf_compile RAW 'not (udp dst port 53)')" \
    -j TTL --ttl-set "${1:-1}"
