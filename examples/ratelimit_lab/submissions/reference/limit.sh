#!/bin/bash
nft -f - <<RULES
table ip limits {
    chain input {
        type filter hook input priority filter; policy accept;
        icmp type echo-request limit rate $1/second accept
        icmp type echo-request drop
    }
}
RULES
