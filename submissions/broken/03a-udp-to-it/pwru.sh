sudo pwru --timestamp relative 'udp and dst host 8.8.8.8'
