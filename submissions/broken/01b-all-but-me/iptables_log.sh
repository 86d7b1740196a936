#!/bin/bash
iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner ! --uid-owner 1000 -j LOG --log-prefix "root-packet: "
