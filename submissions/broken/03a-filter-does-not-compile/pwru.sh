sudo pwru --timestamp relative 'dst host 8.8.8.8 dst port 53'
