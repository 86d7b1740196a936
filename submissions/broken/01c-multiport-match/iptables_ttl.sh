#!/bin/bash
sudo iptables -t mangle -A OUTPUT \
    -p udp -m multiport --dports domain \
    -j TTL --ttl-set "${1:-1}"
