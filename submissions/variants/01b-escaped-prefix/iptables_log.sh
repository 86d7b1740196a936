#!/bin/bash
# A backslash keeps the trailing space as well as quotes do.
sudo iptables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -j LOG --log-prefix root-packet:\  --log-level 6
