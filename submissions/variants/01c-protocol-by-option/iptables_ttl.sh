#!/bin/bash
# -p udp as well; the program need not look at the protocol again.
iptables -t mangle -A OUTPUT -p udp \
    -m bpf --bytecode "$(nfbpf_compile 'dst port 53')" \
    -j TTL --ttl-set ${1-1}
