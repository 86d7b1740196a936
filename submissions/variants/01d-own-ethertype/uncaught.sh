#!/bin/bash
# An Ethernet frame of the local experimental type (IEEE 802: 0x88b5), to everyone.
python3 - "${IFACE:-eth0}" <<'PY'
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((sys.argv[1], 0))
source = link.getsockname()[4]
link.send(b"\xff" * 6 + source + b"\x88\xb5" + b"not an IP packet".ljust(46, b"\0"))
PY
