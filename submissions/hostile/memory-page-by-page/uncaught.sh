#!/bin/bash
python3 -c 'x = []
while 1: x.append(bytearray(1 << 20))'
