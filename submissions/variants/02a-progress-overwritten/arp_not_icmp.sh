#!/bin/bash
for h in $(arp-scan -I "$1" -l -q -x | cut -f1 | sort -u); do
    printf '\rpinging %s ...' "$h"
    if ! ping -c 1 -W 1 "$h" > /dev/null; then
        printf '\r\033[K%s\r\n' "$h"
    fi
done
printf '\r\033[2Kdone\n'
