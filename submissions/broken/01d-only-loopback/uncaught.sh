#!/bin/bash
python3 - <<'PY'
import socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("lo", 0))
link.send(bytes(12) + b"\x88\xb5" + b"hello" * 10)
PY
