#!/bin/bash
SERVER=8.8.8.8
PORT=53
OPTS="--output-tuple --output-meta --timestamp=relative"
FILTER="udp and dst host $SERVER and dst port $PORT"

sudo pwru $OPTS "$FILTER"
