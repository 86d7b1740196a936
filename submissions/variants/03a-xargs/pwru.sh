echo 'dst host 8.8.8.8 and dst port 53' | xargs -I{} sudo pwru --timestamp relative {}
