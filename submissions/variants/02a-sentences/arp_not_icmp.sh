#!/bin/bash
count=0
while read -r ip mac _; do
    if ! ping -q -c 1 -W 2 "$ip" > /dev/null; then
        echo "$((++count)). The host at $ip ($mac) answers ARP: it is on the LAN, but $ip ignores ICMP."
    fi
done < <(arp-scan --plain -I "$1" "$(ip -4 route list dev "$1" scope link | awk '{print $1}')")
echo "$count hosts found, at $(date)."
