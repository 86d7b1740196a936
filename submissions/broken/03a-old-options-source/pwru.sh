sudo pwru --filter-src-ip 8.8.8.8 --filter-src-port 53 --timestamp relative
