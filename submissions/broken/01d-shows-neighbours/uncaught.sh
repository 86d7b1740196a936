#!/bin/bash
# ARP is not IP
ip -c neigh show
