#!/bin/bash
fping -u -r1 -i1 -g "$(ip -4 route show dev "$1" proto kernel | cut -d' ' -f1)" 2>/dev/null
