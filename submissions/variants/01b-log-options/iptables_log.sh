iptables -t mangle -A OUTPUT -p tcp -m multiport --sports 49152:65535 -m owner --uid-owner root \
    -j LOG --log-level debug --log-uid --log-tcp-options --log-tcp-sequence --log-ip-options --log-prefix "root-packet: "
