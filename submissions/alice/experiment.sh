#!/bin/bash
# ./experiment.sh SERVER RESULTS.csv
SERVER=$1
OUT=$2

measure() {
    sudo bpftrace nf_latency.bt > /tmp/latency.txt &
    sleep 6 # until it is attached
    iperf3 -c "$SERVER" -t "$DURATION" -f m > /tmp/iperf.txt
    sudo pkill -INT bpftrace
    wait
    mbps=$(grep receiver /tmp/iperf.txt | awk '{ print $7 }')
    ns=$(grep '^@avg_ns' /tmp/latency.txt | awk '{ print $2 }')
    echo "$1,$mbps,$ns" >> "$OUT"
}

sudo iptables -F OUTPUT
echo "rules,throughput_mbps,latency_ns" > "$OUT"

measure 0
n=0
while [ "$n" -lt "$RULES_MAX" ]; do
    for i in $(seq "$RULES_STEP"); do
        n=$((n + 1))
        sudo iptables -A OUTPUT -d 192.0.2.$((n % 250 + 1)) -p tcp --dport 443 -j DROP
    done
    measure "$n"
done

sudo iptables -F OUTPUT
