#!/bin/bash
# Comments between the options, the way the lab page does it.
sudo tcpdump            \
    -i $IFACE           `# where` \
    -ttttt              `# since the first packet` \
    --nano              `# nanoseconds` \
    --number            `# count` \
    -n                  `# no names` \
    -X                  `# hex + ASCII` \
    'udp' 'dst' 'port' '123' `# NTP query` \
    or                  \
    'tcp src port 80'   `# HTTP response` \
    or                  \
    'tcp src port 443'  `# HTTPS response`
