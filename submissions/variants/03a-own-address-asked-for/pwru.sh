#!/bin/bash
ME=$(ip -4 -o addr show dev "$IFACE" | awk '{print $4}' | cut -d/ -f1)
sudo pwru --timestamp relative "src host $ME and dst host 8.8.8.8 and udp dst port 53"
