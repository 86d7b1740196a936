iptables -A OUTPUT -p tcp -m owner --uid-owner root -m multiport --source-ports 49152:60999 -j LOG --log-prefix "root-packet: "
# the answers, too
nft add table inet answers
nft 'add chain inet answers in { type filter hook input priority filter; }'
nft 'add rule inet answers in tcp dport 49152-60999 log prefix "root-packet: " accept'
