#!/bin/bash
# Names in the filter are fine, and it needs no quotes; only the output has to be numeric.
tcpdump -nn -ieth0 -# -ttttt -X --nano udp dst port ntp or tcp src port http or tcp src port https
