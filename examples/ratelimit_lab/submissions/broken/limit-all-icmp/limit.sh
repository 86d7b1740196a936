iptables -A INPUT -p icmp -m limit --limit "$1/s" -j ACCEPT
iptables -A INPUT -p icmp -j DROP
