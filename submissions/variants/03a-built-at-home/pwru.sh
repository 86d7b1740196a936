#!/bin/bash
cd ~/pwru && sudo ./pwru --timestamp relative "host 8.8.8.8 and port 53"
