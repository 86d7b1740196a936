#!/bin/bash
# Line by line, with a copy in a file; tee has to outlive Ctrl-C.
sudo tcpdump -l -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443' | tee -i /tmp/tcpdump.txt
