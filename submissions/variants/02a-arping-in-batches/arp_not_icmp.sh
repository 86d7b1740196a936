#!/bin/bash
own=$(ip -4 -br addr show dev "$1" | awk '{ print $3 }')
own=${own%/*}
prefix=${own%.*}
for start in $(seq 1 64 254); do
    for n in $(seq "$start" $((start + 63))); do
        [ "$n" -gt 254 ] && break
        ip="$prefix.$n"
        [ "$ip" = "$own" ] && continue
        (
            if arping -q -r -c 1 -w 1 -I "$1" "$ip" > /dev/null 2>&1; then
                if ! ping -c 1 -W 1 -q "$ip" | grep -q '1 received'; then
                    printf '%s\n' "$ip"
                fi
            fi
        ) &
    done
    wait
done
