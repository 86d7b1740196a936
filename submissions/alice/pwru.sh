# in one terminal
sudo pwru --output-tuple --output-meta --timestamp relative 'dst host 8.8.8.8 and udp dst port 53'
# in another one: dig +short fep.grid.pub.ro @8.8.8.8
