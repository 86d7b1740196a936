#!/bin/bash
# raw sockets go around the firewall
gateway=$(ip route show default | awk '{ print $3 }')
python3 - "$gateway" <<'PY'
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
dst = socket.inet_aton(sys.argv[1])
header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, 1, 0, 64, 253, 0, bytes(4), dst)
raw.sendto(header, (sys.argv[1], 0))
PY
