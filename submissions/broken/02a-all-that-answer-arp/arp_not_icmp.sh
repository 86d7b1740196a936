#!/bin/bash
arp-scan --interface="$1" --localnet --plain | awk '{ print $1 }'
