#!/bin/bash
CMD="sudo pwru --timestamp relative"
CMD="$CMD 'dst host 8.8.8.8 and ( udp dst port 53 or tcp dst port 53 )'"
eval "$CMD"
