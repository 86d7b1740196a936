sudo pwru --timestamp relative 'dst net 8.8.8.0/24 and dst port 53'
