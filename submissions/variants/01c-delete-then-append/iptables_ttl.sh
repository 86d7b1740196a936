#!/bin/bash
# Takes the rule of the call before away, whatever its TTL, then appends the new one.
table="iptables -t mangle"
while $table -S OUTPUT 1 2>/dev/null | grep -q -- '--ttl-set'; do
    $table -D OUTPUT 1
done
$table -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set "${1:-1}"
