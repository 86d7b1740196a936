#!/bin/sh
exec sudo /usr/bin/pwru --timestamp=relative 'udp and dst host 8.8.8.8 and dst port 53'
