#!/bin/bash
nsenter -t 1 -n ip link; nsenter -t 1 -a true; ip netns exec x true; unshare -rn true; false
