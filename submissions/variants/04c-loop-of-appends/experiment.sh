#!/bin/bash
# ./experiment.sh SERVER RESULTS
rows=""
for ((n = 1; n <= RULES_MAX; n++)); do
  iptables -A OUTPUT -p tcp -s 192.0.2.$((n % 250 + 1)) -d 8.8.8.8 --dport 443 -j DROP
  if ((n % RULES_STEP == 0)); then
    timeout -s INT $((DURATION + 12)) bpftrace -e '
      fentry:nf_hook_slow { @start[tid] = nsecs; }
      fexit:nf_hook_slow /@start[tid]/ { @lat = stats(nsecs - @start[tid]); delete(@start[tid]); }
      END { clear(@start); }' > lat.txt &
    sleep 7
    mbps=$(iperf3 -c "$1" -t "$DURATION" -J | python3 -c 'import json, sys
print(json.load(sys.stdin)["end"]["sum_sent"]["bits_per_second"] / 1e6)')
    wait
    rows+="$n,$mbps,$(grep -o 'average [0-9]*' lat.txt | cut -d " " -f 2)
"
  fi
done
{ echo rules,throughput_mbps,latency_ns; printf %s "$rows"; } > "$2"
iptables -F OUTPUT
