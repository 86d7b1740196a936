#!/bin/bash
tmux new-session -d -s trace "sudo pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53' > pwru_pass.txt"
sleep 1
dig +short +time=1 +tries=1 fep.grid.pub.ro @8.8.8.8
tmux send-keys -t trace C-c
