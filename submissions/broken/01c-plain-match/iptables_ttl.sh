#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -p udp --dport 53 \
    -j TTL --ttl-set "${1:-1}"
