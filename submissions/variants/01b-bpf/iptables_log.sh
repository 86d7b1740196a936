#!/bin/bash
# Protocol and ports by a BPF program.
iptables -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'tcp src portrange 32768-60999')" \
    -m owner --uid-owner root -j LOG --log-prefix 'root-packet: '
