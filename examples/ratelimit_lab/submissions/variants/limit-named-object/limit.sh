nft "add table ip t; add limit ip t pings { rate $1/second; }
     add chain ip t in { type filter hook input priority 0; }
     add rule ip t in icmp type != echo-request accept
     add rule ip t in meta l4proto icmp limit name pings accept
     add rule ip t in meta l4proto icmp drop"
