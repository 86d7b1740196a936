#!/bin/bash
set -euo pipefail
if ! command -v pwru >/dev/null; then
    echo "install pwru first" >&2
    exit 1
fi
pwru --version
pwru --help >/dev/null 2>&1 || true
if [ "$(id -u)" -ne 0 ]; then exec sudo "$0" "$@"; fi
exec pwru --output-stack --timestamp relative 'udp and dst host 8.8.8.8 and dst port 53'
