#!/bin/bash
# A first look at everything to that server, then only what was asked for.
sudo timeout 2 pwru 'dst host 8.8.8.8'
sudo pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53'
