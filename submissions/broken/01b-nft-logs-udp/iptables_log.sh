iptables -A OUTPUT -p tcp -m multiport --sports 49152:65535 -m owner --uid-owner root -j LOG --log-prefix "root-packet: "
# and the same in the new style, so that nothing is missed
nft add table ip mylog
nft 'add chain ip mylog out { type filter hook output priority 10; }'
nft 'add rule ip mylog out meta skuid 0 udp sport >= 49152 log prefix "root-packet: "'
