sudo pwru --filter-dst-ip 8.8.8.8 --timestamp relative 'dst port 53'
