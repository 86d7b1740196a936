#!/bin/bash
PWRU=/usr/local/bin/pwru
[ -x "$PWRU" ] || { echo "no pwru" >&2; exit 1; }
sudo "$PWRU" --output-tuple --timestamp relative 'udp dst port 53 and dst host 8.8.8.8'
