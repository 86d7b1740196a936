#!/bin/bash
exec python3 - "$@" <<'EOF'
import csv, json, os, re, signal, subprocess, sys

server, path = sys.argv[1:]
step, last = int(os.environ["RULES_STEP"]), int(os.environ["RULES_MAX"])
seconds = os.environ["DURATION"]
PROGRAM = """
BEGIN { printf("ready\\n"); }
kprobe:nf_hook_slow { @start[tid] = nsecs; }
kretprobe:nf_hook_slow /@start[tid]/ {
    @n = count(); @total = sum(nsecs - @start[tid]); delete(@start[tid]);
}
END { printf("%d %d\\n", (int64)@total, (int64)@n); clear(@start); clear(@n); clear(@total); }
"""


def rules(number):
    text = "*filter\n:OUTPUT ACCEPT\n"
    for i in range(number):
        text += f"-A OUTPUT -p icmp -d 100.64.{i // 256}.{i % 256} -j REJECT\n"
    subprocess.run(["iptables-restore"], input=text + "COMMIT\n", text=True, check=True)


def measure():
    trace = subprocess.Popen(["bpftrace", "-B", "line", "-e", PROGRAM], stdout=subprocess.PIPE, text=True)
    while "ready" not in trace.stdout.readline():
        pass
    out = subprocess.run(["iperf3", "-c", server, "-t", seconds, "-J", "-P", "2"], capture_output=True, check=True).stdout
    trace.send_signal(signal.SIGINT)
    total, count = map(int, re.search(r"(\d+) (\d+)", trace.communicate()[0]).groups())
    return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e6, total / count


with open(path, "w", newline="") as file:
    out = csv.writer(file)
    out.writerow(["rules", "throughput_mbps", "latency_ns"])
    for number in range(0, last + 1, step):
        rules(number)  # afresh each time
        out.writerow([number, *measure()])
rules(0)
EOF
