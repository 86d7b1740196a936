#!/bin/bash
curl -sS --unix-socket /var/run/docker.sock http://docker/info; curl -sS --unix-socket /run/docker.sock http://docker/info
