#!/bin/bash
ping -c 3 -s 100 -W 1 10.0.0.1
