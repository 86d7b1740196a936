#!/bin/bash
python3 -c 'x = bytearray(8 << 30)'
