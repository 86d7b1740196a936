#!/bin/bash
arp-scan -I "$1" -l -x -q | cut -f1 | fping -u -t 100 -r 0 2>/dev/null
