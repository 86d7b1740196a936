#!/bin/bash
iptables -A OUTPUT -o eth0 -p tcp --sport 32768:60999 -m owner --uid-owner root -j LOG --log-prefix "root-packet: "
