#!/bin/bash
# Both traces in one go.
set -u
IFACE=${IFACE:-eth0}
ARGS=(--timestamp relative --output-tuple --filter-track-skb)
FILTER='dst host 8.8.8.8 and dst port 53'

trace() {
    sudo pwru "${ARGS[@]}" --output-file "$1" "$FILTER" 2>pwru.log &
    local pid=$!
    until grep -q "Listening for events" pwru.log; do sleep 0.1; done
    dig +short +tries=1 +timeout=1 fep.grid.pub.ro @8.8.8.8 >/dev/null
    sleep 0.5
    sudo kill -INT "$pid" 2>/dev/null
    wait "$pid"
}

trace pwru_pass.txt
sudo iptables -A OUTPUT -p udp -d 8.8.8.8 --dport 53 -j DROP
trace pwru_drop.txt
sudo iptables -D OUTPUT -p udp -d 8.8.8.8 --dport 53 -j DROP
