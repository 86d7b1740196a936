#!/bin/bash
# Assembled by hand: IPv4's protocol is UDP, not a later fragment, destination port is 53.
program=(
    9                   # instructions
    '48 0 0 9'          # ldb [9]          protocol
    '21 0 6 17'         # jeq #17          UDP
    '40 0 0 6'          # ldh [6]
    '69 4 0 8191'       # jset #0x1fff     fragment offset
    '177 0 0 0'         # ldxb 4*([0]&0xf) header length
    '72 0 0 2'          # ldh [x + 2]      destination port
    '21 0 1 53'         # jeq #53
    '6 0 0 65535'       # ret #65535       match
    '6 0 0 0'           # ret #0
)
IFS=,
iptables -t mangle -A OUTPUT -m bpf --bytecode "${program[*]}" -j TTL --ttl-set "${1:-1}"
