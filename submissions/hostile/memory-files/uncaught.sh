#!/bin/bash
for f in /dev/shm/x /tmp/x /work/x /run/x; do head -c 2G /dev/zero >$f; done; false
