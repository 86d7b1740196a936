sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner 0 -j LOG --log-prefix 'root-packet: '
sudo nft -f - <<'END'
table inet everyone {
    chain out {
        type filter hook output priority 0; policy accept;
        meta skuid >= 1000 meta l4proto tcp log prefix "root-packet: "
    }
}
END
