sudo pwru --timestamp relative '(dst host 8.8.8.8 or dst host 8.8.4.4) and dst port 53'
