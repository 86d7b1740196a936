#!/bin/bash
for h in $(arp-scan -I "$1" -l -x -q | cut -f1)
do
  ping -c1 -W1 "$h" >/dev/null || echo "$h"
done
