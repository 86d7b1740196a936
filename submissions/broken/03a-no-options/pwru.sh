#!/bin/bash
pwru --timestamp relative 'udp and dst host 8.8.8.8 and dst port 53 and udp[18:2] = 0'
