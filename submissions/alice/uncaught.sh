#!/bin/bash
# 1.d - ARP is below IP, so iptables never gets to see it
sudo arp-scan --interface=$IFACE --localnet
