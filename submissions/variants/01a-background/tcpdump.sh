#!/bin/bash
# In the background, with its own way of ending: the interrupt is handed on and waited for.
tcpdump -i "$IFACE" -n -# -ttttt --nano -X \
    'udp dst port 123 or tcp src port 80 or tcp src port 443' &
capture=$!
trap 'kill -INT $capture' INT
until wait $capture; do
    kill -0 $capture 2>/dev/null || break
done
