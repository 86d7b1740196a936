#!/bin/bash
# OUTPUT of the raw table, before connection tracking; inserted, and waiting for the lock.
iptables -w 5 -t raw -I OUTPUT 1 -p 6 -m tcp --source-port 32768:65535 -m owner --uid-owner 0 -j LOG --log-prefix 'root-packet: '
