sudo pwru --filter-proto udp --filter-dst-port 53 --timestamp relative
