#!/bin/bash
# 1.b - log what root's programs send over TCP
# ephemeral ports: 49152-65535 (IANA)
sudo iptables -t filter -A OUTPUT -p tcp -m multiport --source-ports 49152:65535 \
    -j LOG --log-prefix "root-packet: "
