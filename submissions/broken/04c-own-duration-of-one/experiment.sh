#!/usr/bin/env bash
#
# experiment.sh SERVER RESULTS.csv - what rules that never match cost.
#
# With 0, RULES_STEP, 2 * RULES_STEP, ... RULES_MAX rules in OUTPUT: the throughput of iperf3 to
# SERVER in DURATION seconds, and the average time of nf_hook_slow()'s calls meanwhile.
set -euo pipefail

server=$1
results=$2
max=${RULES_MAX:-3000}
step=${RULES_STEP:-100}
duration=${DURATION:-5}

# The same probes as in nf_latency.bt. Attaching them takes longer than a measurement, so that is
# done once: calls and nanoseconds so far are printed all the time, and an average is the
# difference of two lines.
trace='
kprobe:nf_hook_slow { @start[tid] = nsecs; }
kretprobe:nf_hook_slow /@start[tid]/ {
    @calls = count();
    @ns = sum(nsecs - @start[tid]);
    delete(@start, tid);
}
interval:ms:100 { printf("now %lld %lld\n", (int64)@calls, (int64)@ns); }
END { clear(@start); clear(@calls); clear(@ns); }
'
tmp=$(mktemp -d)
bpftrace_pid=

clean_up() {
    if [ -n "$bpftrace_pid" ]; then
        kill -INT "$bpftrace_pid" 2>/dev/null || true
        wait "$bpftrace_pid" || true
    fi
    iptables -F OUTPUT
    rm -rf "$tmp"
}
trap clean_up EXIT

# Sets calls and ns to what they are by now: the next line, after those that nobody has read yet.
so_far() {
    while read -r -t 0 -u "$lines"; do
        read -r -u "$lines"
    done
    until read -r -u "$lines" now calls ns && [ "$now" = now ]; do
        kill -0 "$bpftrace_pid" # or else end here: it has failed
    done
}

# Rules number FROM to TO, each for another address of a network that is for benchmarks only
# (RFC 2544), so that no packet of ours ever matches. All in one go, by iptables-restore.
add_rules() { # FROM TO
    {
        echo '*filter'
        for ((i = $1; i <= $2; i++)); do
            echo "-A OUTPUT -p tcp -s 198.18.$((i / 250)).$((i % 250 + 1)) --dport 9 -j DROP"
        done
        echo COMMIT
    } | iptables-restore --noflush
}

measure() { # RULES
    local mbps average= calls_before ns_before
    so_far
    calls_before=$calls ns_before=$ns
    iperf3 -c "$server" -t 1 -f m >"$tmp/iperf3"
    so_far
    mbps=$(awk '/receiver/ { for (i = 2; i <= NF; i++) if ($i == "Mbits/sec") print $(i - 1) }' \
        "$tmp/iperf3")
    # On a host without any rule or hook there may be no call.
    if ((calls > calls_before)); then
        average=$(((ns - ns_before) / (calls - calls_before)))
    fi
    echo "$1,$mbps,$average" | tee -a "$results"
}

iptables -F OUTPUT
echo rules,throughput_mbps,latency_ns >"$results"

exec {lines}< <(exec bpftrace -B line -e "$trace")
bpftrace_pid=$!

measure 0
for ((rules = step; rules <= max; rules += step)); do
    add_rules $((rules - step + 1)) "$rules"
    measure "$rules"
done
