sudo pwru --timestamp relative 'udp dst port 53 and (dst host 8.8.8.8 or dst host 2001:4860:4860::8888)'
