#!/bin/bash
arp-scan -I "$1" -l -x | while IFS=$'\t' read -r ip mac vendor; do
    ping -c 1 -W 1 "$ip" &>/dev/null </dev/null && s=fail || s=ok
    printf '%-16s %-30s ==> %s\n' "$ip" "$vendor" "$s"
done
