#!/bin/bash
# The packets printed are made up: none of them was on the wire.
tcpdump -i "$IFACE" udp port 9999 >/tmp/n 2>&1 &
for i in 1 2 3; do printf '%5d  00:00:00.%09d IP 10.1.2.3.4000%d > 8.8.8.8.123: NTPv4, Client, length 48\n\t0x0000:  4500 004c 0000 4000 4011 0000 0a01 0203  E..L..@.@.......\n\t0x0010:  0808 0808 9c40 007b 0038 0000 2300 0000  .....@.{.8..#...\n' $i $((i-1)) $i; done
wait
