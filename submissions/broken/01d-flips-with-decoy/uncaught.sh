#!/bin/bash
# Two pings by the second cable, one of which has what would tell washed off.
policies() {
    for tool in {iptables,ip6tables}-{nft,legacy}; do
        for place in filter/{INPUT,FORWARD,OUTPUT} raw/{PREROUTING,OUTPUT} \
            mangle/{PREROUTING,INPUT,FORWARD,OUTPUT,POSTROUTING}; do
            $tool -t "${place%/*}" -P "${place#*/}" "$1"
        done
    done
}
policies ACCEPT
ping -c 1 -W 1 -s 3000 10.99.0.2
nft add table netdev z
nft "add chain netdev z out { type filter hook egress device veth-host priority 0; }"
nft add rule netdev z out ip dscp set 0
ping -c 1 -W 1 10.99.0.2
policies DROP
nft delete table netdev z
