#!/bin/bash
curl -sS -m 2 http://169.254.169.254/ http://[fd00:ec2::254]/
