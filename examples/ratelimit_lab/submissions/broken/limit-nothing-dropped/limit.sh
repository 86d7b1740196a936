nft add table ip t
nft add chain ip t c '{ type filter hook input priority 0; }'
nft add rule ip t c icmp type echo-request limit rate "$1"/second accept
