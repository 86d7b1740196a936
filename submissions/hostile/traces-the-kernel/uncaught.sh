#!/bin/bash
bpftrace -e "BEGIN { printf(\"in\"); exit(); }"; perf record true; false
