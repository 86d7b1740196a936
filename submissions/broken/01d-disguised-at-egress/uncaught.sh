#!/bin/bash
# The policies are opened for the ping, which is given another EtherType at egress.
gw=$(ip route | awk '/default/{print $3}')
flip(){ for f in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do for c in INPUT FORWARD OUTPUT; do $f -P $c $1; done; for c in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do $f -t mangle -P $c $1; done; for c in PREROUTING OUTPUT; do $f -t raw -P $c $1; done; done; }
nft add table netdev z
nft "add chain netdev z p { type filter hook egress device eth0 priority 0; }"
nft add rule netdev z p ip ttl set 9 @ll,96,16 set 0x88b5
flip ACCEPT
ping -c1 -W1 $gw
flip DROP
nft delete table netdev z
