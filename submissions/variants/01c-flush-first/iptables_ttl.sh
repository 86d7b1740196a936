#!/bin/bash
# Starts from an empty chain each time, so that a single rule is left.
[ $# -gt 0 ] || set -- 1
iptables --table mangle --flush OUTPUT
iptables --table mangle --append OUTPUT \
    --match bpf --bytecode "$(nfbpf_compile RAW 'udp dst port domain')" \
    --jump TTL --ttl-set "$1"
