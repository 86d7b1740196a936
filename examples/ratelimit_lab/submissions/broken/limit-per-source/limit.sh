iptables -A INPUT -p icmp --icmp-type 8 \
    -m hashlimit --hashlimit-name pings --hashlimit-mode srcip --hashlimit-above "$1/sec" -j DROP
