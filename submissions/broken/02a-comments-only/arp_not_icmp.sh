#!/bin/bash
# arp-scan, then ping
