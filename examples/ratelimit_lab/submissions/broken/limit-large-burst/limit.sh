iptables -A INPUT -p icmp --icmp-type 8 -m limit --limit "$1/s" --limit-burst 200 -j ACCEPT
iptables -A INPUT -p icmp --icmp-type 8 -j DROP
