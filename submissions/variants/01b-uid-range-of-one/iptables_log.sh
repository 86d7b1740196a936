#!/bin/bash
# A range of user ids that has one member.
iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner 0-0 -j LOG --log-prefix 'root-packet: '
