sudo pwru --timestamp absolute 'dst host 8.8.8.8 and dst port 53'
