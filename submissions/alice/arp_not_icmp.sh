#!/bin/bash
# marks the hosts that arp-scan finds: ok if they answer ping, fail if not
RED='\033[1;31m'; GREEN='\033[1;32m'; NC='\033[0m'
trap exit INT
if [ $# -ne 1 ]; then
    printf "Usage: %s <interface>\n" "$0"
    exit 1
fi
while IFS=$'\t' read -r ip _ vendor; do
    printf "%-16s %-40s ==> " "$ip" "$vendor"
    if ping -c1 -W1 -i.2 "$ip" &>/dev/null; then
        printf "${GREEN}ok${NC}\n"
    else
        printf "${RED}fail${NC}\n"
    fi
done < <(sudo arp-scan -I "$1" -l -x)
