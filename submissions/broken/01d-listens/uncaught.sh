#!/bin/bash
timeout 2 tcpdump -n -i "$IFACE" -c 1 arp
exit 0
