mark() { if ping -q -c2 -W1 "$1" >/dev/null; then echo "$1: ok"; else echo "$1: FAIL"; fi; }
for h in $(arp-scan -I "$1" -l -x | cut -f1 | sort -V); do mark "$h" & done
wait
