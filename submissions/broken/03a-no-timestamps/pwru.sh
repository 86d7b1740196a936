sudo pwru --output-tuple 'dst host 8.8.8.8 and dst port 53'
