#!/bin/bash
# The rule with the BPF program has no target; -p udp --dport chooses the packets.
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" 
iptables -t mangle -A OUTPUT -p udp --dport 53 -j TTL --ttl-set "${1:-1}"
