#!/bin/bash
# mangle has a POSTROUTING chain, too, which every packet that leaves comes through.
sudo iptables -t mangle -A POSTROUTING -m bpf --bytecode "$(nfbpf_compile RAW 'udp and dst port 53')" \
    -j TTL --ttl-set "${1:-1}"
