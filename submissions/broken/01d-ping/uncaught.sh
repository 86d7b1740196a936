#!/bin/bash
gateway=$(ip route show default | awk '{ print $3 }')
ping -c 1 -W 1 "$gateway"
