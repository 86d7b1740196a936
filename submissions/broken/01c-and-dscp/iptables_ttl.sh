#!/bin/bash
program=$(nfbpf_compile RAW 'udp dst port 53')
iptables -t mangle -A OUTPUT -m bpf --bytecode "$program" -j TTL --ttl-set "${1:-1}"
iptables -t mangle -A OUTPUT -m bpf --bytecode "$program" -j DSCP --set-dscp 10
