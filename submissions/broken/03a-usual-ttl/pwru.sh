#!/bin/bash
pwru --timestamp relative 'udp and dst host 8.8.8.8 and dst port 53 and ip[8] = 64'
