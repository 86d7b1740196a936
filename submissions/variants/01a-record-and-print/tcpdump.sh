#!/bin/bash
# --print: shows the packets although -w keeps them in a file as well.
# -Z root: stays root, so that the file's owner need not be changed.
tcpdump -i "$IFACE" -Z root -w /tmp/capture.pcap --print --nano -n -# -ttttt -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
