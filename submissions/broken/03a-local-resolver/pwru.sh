sudo pwru --timestamp relative 'dst host 127.0.0.53 and dst port 53'
