sudo pwru --timestamp relative 'udp dst port 53'
