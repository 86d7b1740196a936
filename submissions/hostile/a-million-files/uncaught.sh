#!/bin/bash
python3 -c 'for i in range(10**6): open("/tmp/" + str(i), "w")'
