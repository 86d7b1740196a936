for IP in $(arp-scan --interface "$1" --localnet -q | grep -Eo '^[0-9.]+'); do
    if [ "$(ping -c 1 -w 1 "$IP" | grep -c ' 0% packet loss')" = 1 ]; then
        echo "$IP => OK (answers)"
    else
        echo "$IP => FAILED"
    fi
done
