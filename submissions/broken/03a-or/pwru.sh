sudo pwru --timestamp relative 'dst host 8.8.8.8 or dst port 53'
