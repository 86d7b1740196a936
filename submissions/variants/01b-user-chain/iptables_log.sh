#!/bin/bash
# OUTPUT hands TCP to a chain of our own, which sends the others back and logs the rest.
iptables -N ROOT_TCP
iptables -A ROOT_TCP -m owner ! --uid-owner root -j RETURN
iptables -A ROOT_TCP -p tcp ! --sport 32768:60999 -j RETURN
iptables -A ROOT_TCP -j LOG --log-prefix 'root-packet: '
iptables -A OUTPUT -p tcp -j ROOT_TCP
