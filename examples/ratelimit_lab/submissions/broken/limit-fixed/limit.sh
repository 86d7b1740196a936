iptables -A INPUT -p icmp --icmp-type 8 -m limit --limit 10/s -j ACCEPT
iptables -A INPUT -p icmp --icmp-type 8 -j DROP
