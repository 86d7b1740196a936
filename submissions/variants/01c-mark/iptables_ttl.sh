#!/bin/bash
# Two steps: the BPF match marks the query in OUTPUT, POSTROUTING sets the TTL of what is marked.
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j MARK --set-mark 53
iptables -t mangle -A POSTROUTING -m mark --mark 53 -j TTL --ttl-set "${1:-1}"
