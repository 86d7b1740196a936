nft add table inet t
nft add chain inet t c '{ type filter hook prerouting priority -150; }'
nft add rule inet t c icmp type echo-request limit rate over "$1"/second burst "$1" packets drop
