#!/bin/bash
set -e
sudo systemctl stop systemd-resolved
if [ ! -d pwru ]; then
    git clone https://github.com/cilium/pwru.git
fi
(cd pwru && make)
mountpoint -q /sys/kernel/debug || sudo mount -t debugfs none /sys/kernel/debug
sudo ./pwru/pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53'
