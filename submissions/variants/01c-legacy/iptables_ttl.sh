#!/bin/bash
# The older backend of the same command.
iptables-legacy -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set "${1:-1}"
