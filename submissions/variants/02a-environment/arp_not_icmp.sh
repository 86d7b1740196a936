arp-scan -I "${IFACE:-$1}" -lqx | while read -r ip rest; do
  timeout 2 ping -c 1 "$ip" < /dev/null > /dev/null 2>&1 && continue
  echo "$ip"
done
