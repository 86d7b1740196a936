#!/bin/bash
# The older backend of the same command.
set -e
iptables-legacy -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root -j LOG --log-prefix 'root-packet: '
