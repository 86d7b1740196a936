sudo pwru udp and dst host 8.8.8.8 and dst port 53 --timestamp relative
