#!/bin/bash
arp-scan -I "$1" -l -x | while IFS=$'\t' read -r ip mac vendor; do
    ping -c 1 -W 1 "$ip" </dev/null 2>&1 | tee -a /tmp/log >/dev/null
    if [ $? -eq 0 ]; then s=ok; else s=fail; fi
    echo "$ip $vendor ==> $s"
done
