iptables -A OUTPUT -p icmp --icmp-type echo-request -m limit --limit "$1/s" -j ACCEPT
