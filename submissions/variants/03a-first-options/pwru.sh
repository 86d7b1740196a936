sudo ./pwru -filter-dst-ip 8.8.8.8 -filter-dst-port 53 -output-relative-timestamp -output-tuple
