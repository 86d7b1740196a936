#!/bin/bash
sudo pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53' > pwru_pass.txt &
tail -f pwru_pass.txt
