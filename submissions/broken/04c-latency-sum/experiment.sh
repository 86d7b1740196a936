#!/bin/bash
SERVER=$1
OUT=$2

BT='BEGIN { printf("ready\n"); }
kprobe:nf_hook_slow { @s[tid] = nsecs; }
kretprobe:nf_hook_slow /@s[tid]/ { @avg = sum(nsecs - @s[tid]); delete(@s[tid]); }
END { clear(@s); }'

measure() {
    sudo bpftrace -B line -e "$BT" > /tmp/bt.txt 2> /tmp/bt.err &
    until grep -q ready /tmp/bt.txt; do sleep 0.1; done
    iperf3 -c $SERVER -t $DURATION -f m > /tmp/iperf.txt
    sudo pkill -INT bpftrace
    wait
    MBPS=$(awk '/receiver/ { print $7 }' /tmp/iperf.txt)
    NS=$(awk '/@avg/ { print $2 }' /tmp/bt.txt)
    echo "$1,$MBPS,$NS" >> $OUT
}

sudo iptables -F OUTPUT
echo "rules,throughput_mbps,latency_ns" > $OUT
N=0
while [ $N -lt $RULES_MAX ]; do
    for i in $(seq 1 $RULES_STEP); do
        N=$((N + 1))
        echo "-A OUTPUT -d 203.0.113.$((N % 254 + 1)) -p udp --dport $((N + 1000)) -j DROP"
    done > /tmp/rules
    (echo '*filter'; cat /tmp/rules; echo COMMIT) | sudo iptables-restore -n
    measure $N
done
sudo iptables -F OUTPUT
