sudo arp-scan -I $1 -l -g -q -x -r 3 | cut -f 1 | xargs -P 16 -I{} sh -c \
  'ping -c 3 -i 0.2 -W 1 {} >/dev/null 2>&1 || echo {}' | sort -t . -k 4 -n
