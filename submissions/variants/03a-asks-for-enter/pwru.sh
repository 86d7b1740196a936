#!/bin/bash
read -r -p "Press Enter to begin" _
sudo pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53' &
sleep 1
dig +short +time=1 +tries=1 fep.grid.pub.ro @8.8.8.8
sudo pkill -INT pwru
wait
