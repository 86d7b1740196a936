iptables -t raw -A PREROUTING -p icmp --icmp-type 8 \
    -m hashlimit --hashlimit-name pings --hashlimit-above "$1/sec" -j DROP
