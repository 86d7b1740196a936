sudo pwru --timestamp relative 'dst 8.8.8.8:53'
