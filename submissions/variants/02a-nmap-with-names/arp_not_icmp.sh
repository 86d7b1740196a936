net=$(ip -4 -o a s "$1" | grep -oP 'inet \K\S+')
me=${net%/*}
nmap -sn "$net" --exclude "$me" | grep 'scan report' | grep -oE '[0-9]+(\.[0-9]+){3}' > /tmp/up
nmap -sn -PE --send-ip --disable-arp-ping -iL /tmp/up | grep 'scan report' |
    grep -oE '[0-9]+(\.[0-9]+){3}' > /tmp/ping
grep -vxFf /tmp/ping /tmp/up
