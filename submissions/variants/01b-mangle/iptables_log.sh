#!/bin/bash
# OUTPUT of the mangle table logs as well as filter's.
iptables -t mangle -A OUTPUT -p tcp --sport 49152:65535 -m owner --uid-owner 0 -j LOG --log-prefix 'root-packet: '
