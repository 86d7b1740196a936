#!/bin/bash
# The filter is read from a file (-F).
cat > /tmp/filter <<'FILTER'
(udp and dst port 123)
or
(tcp and (src port 80 or src port 443))
FILTER
tcpdump -i "$IFACE" -n -# -ttttt --nano -X -F /tmp/filter
