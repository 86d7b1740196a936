#!/bin/bash
# A ready-made frame, to whoever is at the end of the experiment's cable.
python3 - <<'PY'
import socket
frame = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5" + b"hello"
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
    cable.bind(("veth-host", 0))
    cable.send(frame)
PY
