#!/bin/bash
# The host has two cables: ARP gets out by the second one, too.
arping -c 1 -i veth-host 10.99.0.2
