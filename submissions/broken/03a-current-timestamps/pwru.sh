sudo pwru --timestamp=current 'dst host 8.8.8.8 and dst port 53'
