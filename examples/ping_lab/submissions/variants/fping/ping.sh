#!/bin/bash
fping --count=3 --period=200 --size=100 "$1"
