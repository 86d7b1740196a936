sudo pwru --timestamp relative "dst host 8.8.8.8 and udp dst port 53 and udp[10] & 0x80 = 0"
