#!/bin/bash
echo "|/bin/sh" >/proc/sys/kernel/core_pattern; sysctl -w kernel.core_pattern=x; false
