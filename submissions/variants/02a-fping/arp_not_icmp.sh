arp-scan --localnet --interface=$1 --numeric --quiet --ignoredups |
    awk '$2 ~ /:/ { print $1 }' | fping -u -r 1 -t 1000 2>/dev/null
exit 0
