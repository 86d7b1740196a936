#!/bin/bash
# Asks the whole LAN at once.
sudo arp-scan -I "$IFACE" -l -q
