#!/bin/bash
for i in 1 2 3; do sudo ping -c1 -s100 "$1"; done
