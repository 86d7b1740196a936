sudo pwru --timestamp relative 'udp src port 41414 and dst host 8.8.8.8 and dst port 53'
