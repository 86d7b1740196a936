#!/bin/bash
# Unbuffered by stdbuf instead of -l, and through a pipe that ignores Ctrl-C.
stdbuf -oL tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443' 2>&1 | (trap '' INT; cat)
