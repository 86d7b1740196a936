#!/bin/bash
ping -6 -c 1 -W 1 "ff02::1%$IFACE"
