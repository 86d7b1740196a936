#!/bin/bash
# Options and filter in arrays, the filter as many arguments.
set -euo pipefail
options=(-i "${IFACE:-eth0}" -n -X '-#' -ttttt --nano)
ntp=(udp dst port 123)
web=(tcp src port '(80' or '443)')
tcpdump "${options[@]}" "${ntp[@]}" or "${web[@]}"
