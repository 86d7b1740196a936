#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -m u32 --u32 '6&0xFF=17 && 4&0x1FFF=0 && 0>>22&0x3C@0&0xFFFF=53' \
    -j TTL --ttl-set "${1:-1}"
