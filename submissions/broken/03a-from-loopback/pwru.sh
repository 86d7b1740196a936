sudo pwru --timestamp relative 'src host 127.0.0.1 and dst host 8.8.8.8 and dst port 53'
