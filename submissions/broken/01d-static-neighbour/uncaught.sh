#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
# ARP is not filtered
ip neigh replace "$gateway" dev "$IFACE" lladdr 02:00:00:00:00:01 nud permanent
ip neigh show
