sudo pwru -t relative 'dst host 8.8.8.8 and dst port 53'
