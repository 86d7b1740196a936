#!/bin/bash
# The filter by offsets: protocol, fragment offset, and the port behind a header of any length.
ttl=1
if [[ -n $1 ]]; then ttl=$1; fi
filter='ip[9] = 0x11 and ip[6:2] & 0x1fff = 0 and ip[((ip[0] & 0xf) << 2) + 2 : 2] = 0x35'
iptables -t mangle -A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW "$filter")" -j TTL --ttl-set $ttl
