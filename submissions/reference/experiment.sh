#!/usr/bin/env bash
#
# experiment.sh SERVER RESULTS.csv - what rules that never match cost.
#
# With 0, RULES_STEP, 2 * RULES_STEP, ... RULES_MAX rules in OUTPUT: the throughput of iperf3 to
# SERVER in DURATION seconds, and the average time that a packet spends in nf_hook_slow() meanwhile,
# as nf_latency.bt measures it.
set -euo pipefail

server=$1
results=$2
max=${RULES_MAX:-3000}
step=${RULES_STEP:-100}
duration=${DURATION:-5}
here=$(dirname "$0")

tmp=$(mktemp -d)
bpftrace_pid=

clean_up() {
    [ -z "$bpftrace_pid" ] || kill -INT "$bpftrace_pid" 2>/dev/null || true
    sudo iptables -F OUTPUT
    rm -rf "$tmp"
}
trap clean_up EXIT

# Rules number FROM to TO: each for an address of its own in a network that is for documentation
# only (RFC 5737, 2544), so that no packet of ours ever matches. All in one go, by iptables-restore.
add_rules() { # FROM TO
    {
        echo '*filter'
        for ((i = $1; i <= $2; i++)); do
            echo "-A OUTPUT -p tcp -s 198.18.$((i / 250)).$((i % 250 + 1)) --dport 9 -j DROP"
        done
        echo COMMIT
    } | sudo iptables-restore --noflush
}

measure() { # RULES
    bpftrace -B line "$here/nf_latency.bt" >"$tmp/latency" 2>"$tmp/errors" &
    bpftrace_pid=$!
    # BEGIN prints as soon as the probes are attached.
    until grep -q Timing "$tmp/latency"; do
        kill -0 "$bpftrace_pid" || { cat "$tmp/errors" >&2; exit 1; }
        sleep 0.05
    done

    iperf3 -c "$server" -t "$duration" -J >"$tmp/iperf3.json"

    kill -INT "$bpftrace_pid"
    wait "$bpftrace_pid"
    bpftrace_pid=

    mbps=$(python3 -c '
import json, sys
print("%.1f" % (json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"] / 1e6))
' "$tmp/iperf3.json")
    ns=$(awk '$1 == "@average_ns:" { print $2 }' "$tmp/latency")
    echo "$1,$mbps,${ns:-0}" | tee -a "$results"
}

sudo iptables -F OUTPUT
echo rules,throughput_mbps,latency_ns >"$results"
measure 0
for ((rules = step; rules <= max; rules += step)); do
    add_rules $((rules - step + 1)) "$rules"
    measure "$rules"
done
