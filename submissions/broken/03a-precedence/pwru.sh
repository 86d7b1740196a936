sudo pwru --timestamp relative 'tcp dst port 53 and dst host 8.8.8.8 or udp dst port 53'
