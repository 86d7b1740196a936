#!/bin/bash
# A command line in a string, run by another shell.
command="tcpdump -i $IFACE -n -# -ttttt --nano -X"
command+=" 'udp dst port 123 or tcp src port 80 or tcp src port 443'"
echo "running: $command" >&2
sudo bash -c "$command"
