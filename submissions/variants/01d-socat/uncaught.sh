#!/bin/bash
# socat writes to the link itself: a broadcast frame of type 0x88b5.
{
    printf '\377\377\377\377\377\377\002\000\000\000\000\001\210\265'
    printf 'past the firewall%40s' ''
} | socat -u - "INTERFACE:$IFACE"
