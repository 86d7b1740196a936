iptables -A INPUT -p icmp --icmp-type echo-request -m limit --limit "$1/s" -j ACCEPT
iptables -A INPUT -p icmp --icmp-type echo-request -j DROP
