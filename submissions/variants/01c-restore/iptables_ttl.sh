#!/bin/bash
# As iptables-save would write it, fed to iptables-restore.
iptables-restore -n <<RULES
*mangle
-A OUTPUT -m bpf --bytecode "$(nfbpf_compile RAW 'udp dst port 53')" -j TTL --ttl-set ${1:-1}
COMMIT
RULES
