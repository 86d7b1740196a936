#!/bin/bash
sudo iptables -N ROOT_PACKETS
sudo iptables -A ROOT_PACKETS -p tcp --sport 32768:60999 -m owner --uid-owner root \
    -j LOG --log-prefix 'root-packet: '
