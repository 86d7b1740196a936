#!/bin/bash
# 1.c - usage: ./iptables_ttl.sh [TTL]
TTL=${1:-1}
# man nfbpf_compile: RAW is the link type that iptables wants
BYTECODE=$(nfbpf_compile RAW 'udp and dst port 53')
sudo iptables -t mangle -A OUTPUT -m bpf --bytecode "$BYTECODE" -j TTL --ttl-set $TTL
