#!/bin/bash
ping -c 3 "$1"
