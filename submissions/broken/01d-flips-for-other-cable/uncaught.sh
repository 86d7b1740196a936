#!/bin/bash
# All policies are opened for a ping by the second cable, then shut again.
policies() {
    for tool in {iptables,ip6tables}-{nft,legacy}; do
        for place in filter/{INPUT,FORWARD,OUTPUT} raw/{PREROUTING,OUTPUT} \
            mangle/{PREROUTING,INPUT,FORWARD,OUTPUT,POSTROUTING}; do
            $tool -t "${place%/*}" -P "${place#*/}" "$1"
        done
    done
}
policies ACCEPT
ping -c 1 -W 1 10.99.0.2
policies DROP
