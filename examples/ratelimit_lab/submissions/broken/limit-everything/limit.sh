iptables -A INPUT -p icmp --icmp-type echo-reply -j ACCEPT
iptables -A INPUT -m limit --limit "$1/s" -j ACCEPT
iptables -A INPUT -j DROP
