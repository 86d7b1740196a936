#!/bin/bash
# Outgoing DNS queries to Google's server: UDP to port 53 of 8.8.8.8, and TCP, should one be long.
# Times count from the same packet's line before: what each step cost.
sudo pwru --timestamp relative \
    --output-tuple \
    'dst host 8.8.8.8 and dst port 53'
