sudo pwru --timestamp relative 'src host 172.20.10.2 and dst host 8.8.8.8 and dst port 53'
