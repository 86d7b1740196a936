multipass exec lab -- sudo pwru --timestamp relative 'dst host 8.8.8.8 and dst port 53'
