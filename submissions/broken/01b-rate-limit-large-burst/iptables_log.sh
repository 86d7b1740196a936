#!/bin/bash
# A burst of 100 is let through, then five a minute.
iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -m limit --limit 5/min --limit-burst 100 -j LOG --log-prefix "root-packet: "
