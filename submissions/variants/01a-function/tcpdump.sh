#!/bin/bash
# A function with a local filter, called last.
capture() {
    local out="udp dst port 123" in="tcp src port 80 or 443"
    sudo -- tcpdump "$@" "($out) or ($in)"
}
capture -i "$IFACE" -ttttt --nano -nX#
