#!/bin/bash
# Send three echo requests with 100 bytes of data each to the address that is the first argument.
# Called as: bash ping.sh ADDRESS
#
# Write the command below.

