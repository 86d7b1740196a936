#!/bin/bash
# Ranges of one port each.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst portrange 123-123 or tcp src portrange 80-80 or tcp src portrange 443-443'
