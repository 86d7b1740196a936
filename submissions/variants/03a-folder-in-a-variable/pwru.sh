#!/bin/bash
TOOLS=/opt/tools/bin
sudo $TOOLS/pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53'
