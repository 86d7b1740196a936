sudo pwru --output-json --timestamp relative 'dst host 8.8.8.8 and dst port 53'
