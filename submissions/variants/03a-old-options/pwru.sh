#!/bin/bash
# pwru 0.0.9
sudo pwru --filter-dst-ip 8.8.8.8 --filter-dst-port=53 --filter-proto udp --output-tuple --timestamp relative
