#!/bin/bash
# Only packets to ports below 1024 are logged.
iptables -A OUTPUT -p tcp --sport 32768:60999 --dport 1:1023 -m owner --uid-owner root -j LOG --log-prefix "root-packet: "
