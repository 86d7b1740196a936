#!/bin/bash
# The range that RFC 6335 calls dynamic, by multiport as the page suggests.
sudo iptables -t filter -A OUTPUT --protocol tcp \
    --match multiport --source-ports 49152:65535 \
    --match owner --uid-owner root \
    --jump LOG --log-prefix "root-packet: "
