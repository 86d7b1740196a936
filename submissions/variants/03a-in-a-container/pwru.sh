docker run --privileged --rm -t --pid=host --name pwru -v /sys/kernel/debug/:/sys/kernel/debug/ \
    cilium/pwru:latest pwru --output-tuple --timestamp relative "dst host 8.8.8.8 and udp dst port 53"
