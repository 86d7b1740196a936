#!/bin/bash
ping -c 4 -s 100 "$1"
