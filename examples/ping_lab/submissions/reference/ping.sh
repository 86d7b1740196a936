#!/bin/bash
ping -c 3 -s 100 "$1"
