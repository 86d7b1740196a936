sudo pwru --timestamp relative 'outbound and dst host 8.8.8.8 and dst port 53'
