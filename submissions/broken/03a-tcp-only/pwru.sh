sudo pwru --timestamp relative 'tcp and dst host 8.8.8.8 and dst port 53'
