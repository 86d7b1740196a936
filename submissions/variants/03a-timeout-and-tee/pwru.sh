#!/bin/bash
timeout --foreground 5 sudo -E pwru --timestamp=relative --output-caller 'udp and dst 8.8.8.8 and dst port domain' | tee pwru_pass.txt
