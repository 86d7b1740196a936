#!/bin/bash
sudo tcpdump -i lo -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
