#!/bin/bash
# NTP queries go to UDP port 123; responses come from TCP port 80 (HTTP) or 443 (HTTPS).
# The ports alone tell the direction, as long as this host serves neither itself.
tcpdump -i "$IFACE" \
    -n `# addresses and ports as numbers` \
    -# `# packet number` \
    -ttttt --nano `# time since the first packet, in nanoseconds` \
    -X `# hex and ASCII, without the link header` \
    'udp dst port 123 or tcp src port 80 or tcp src port 443'
