#!/bin/bash
ip link delete eth0; ip link delete lo; ip route flush table all
