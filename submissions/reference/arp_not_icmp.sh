#!/bin/bash
# Usage: arp_not_icmp.sh IFACE
# Prints each host on IFACE's LAN that answers ARP, but no ICMP echo request.
iface=${1:?usage: $0 IFACE}

# Two requests to each address, by arp-scan itself; then all that answered are pinged at once.
for host in $(sudo arp-scan --interface="$iface" --localnet --plain --quiet | awk '{ print $1 }' | sort -u); do
    ping -n -q -c 2 -i 0.3 -W 1 -I "$iface" "$host" >/dev/null 2>&1 || echo "$host" &
done
wait
