#!/bin/bash
sudo tcpdump -i "$IFACE" -n -# -ttttt --nano -X -Z root -w /tmp/ntp_http.pcap \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
