#!/bin/bash
me=$(ip -4 -br a s "$1" | awk '{print $3}')
bold=$(printf '\033[1m'); off=$(printf '\033(B\033[m')
echo "${bold}Interface $1, own address $me, network ${me%.*}.0, netmask 255.255.255.0${off}"
echo "+-----------------+-------------------+"
printf '| %-15s | %-17s |\n' ADDRESS MAC
echo "+-----------------+-------------------+"
arp-scan -I "$1" -l -x -F '${ip} ${mac}' | while read -r ip mac; do
    ping -c1 -W1 "$ip" >/dev/null </dev/null || printf "| \033[31m%-15s\033[0m | %s |\n" "$ip" "$mac"
done
echo "+-----------------+-------------------+"
