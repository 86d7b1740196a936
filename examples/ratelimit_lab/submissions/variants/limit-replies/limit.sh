iptables-legacy -N PONG
iptables-legacy -A OUTPUT -p icmp --icmp-type 0 -j PONG
iptables-legacy -A PONG -m limit --limit "$1/second" --limit-burst 1 -j RETURN
iptables-legacy -A PONG -j DROP
