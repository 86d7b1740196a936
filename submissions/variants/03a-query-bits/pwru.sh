#!/bin/bash
# Neither an answer (QR), nor anything but a standard query (opcode 0).
pwru --timestamp relative 'udp and dst host 8.8.8.8 and dst port 53 and udp[10] & 0xf8 = 0'
