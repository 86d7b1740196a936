#!/bin/bash
# The BPF rule sets a mark that nobody reads; -p udp --dport chooses the packets.
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j MARK --set-mark 9
iptables -t mangle -A OUTPUT -p udp --dport 53 -j TTL --ttl-set "${1:-1}"
