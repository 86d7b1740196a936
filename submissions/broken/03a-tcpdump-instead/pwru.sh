sudo timeout 2 tcpdump -i any -ttt 'dst host 8.8.8.8 and dst port 53'
