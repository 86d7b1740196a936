#!/bin/bash
trap "" HUP INT QUIT TERM USR1 USR2; while :; do sleep 1; done
