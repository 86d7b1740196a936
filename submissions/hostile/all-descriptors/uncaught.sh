#!/bin/bash
python3 -c 'x = []
while 1: x.append(open("/etc/passwd"))'
