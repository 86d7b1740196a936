"""Answers to ICMP echo requests that come late, in the place of the kernel's, which come at once.

No queueing discipline is needed for it, whose module may not be there. Sources: RFC 792 (echo),
RFC 1071 (checksum), raw(7), linux/icmp.h (ICMP_FILTER).
"""

import heapq
import os
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from ipaddress import ip_address

ECHO_REPLY, ECHO = 0, 8
SOL_RAW, ICMP_FILTER = 255, 1
LARGEST = 65_535
# What lies behind a late host's back can't grow without bound.
MOST_WAITING = 4096
SHORTEST = 28


class LateEcho:
    """Answers what is asked of `addresses`, `delay` seconds later, until it is closed."""

    def __init__(self, delay: float, addresses: list[str]) -> None:
        """To be made by a thread in the host's network namespace."""
        self._delay = delay
        self._addresses = {ip_address(one).packed for one in addresses}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", ~(1 << ECHO) & 0xFFFFFFFF))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        self._socket.setblocking(False)
        self._waiting: list[tuple[float, bytes]] = []
        self._wake, self._closer = os.pipe()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        requests = self._socket.fileno()
        ready: list[int] = []
        while self._wake not in ready:
            if requests in ready:
                self._take()
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                self._send(heapq.heappop(self._waiting)[1])
            wait = max(0.0, self._waiting[0][0] - now) if self._waiting else None
            ready = select.select([requests, self._wake], [], [], wait)[0]
        os.close(self._wake)
        self._socket.close()

    def _take(self) -> None:
        with suppress(BlockingIOError):
            while True:
                packet = self._socket.recv(LARGEST)
                if (answer := reply(packet, self._addresses)) and len(self._waiting) < MOST_WAITING:
                    heapq.heappush(self._waiting, (time.monotonic() + self._delay, answer))

    def _send(self, packet: bytes) -> None:
        with suppress(OSError):
            self._socket.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def close(self) -> None:
        """Answer no more and free the socket."""
        os.close(self._closer)


def reply(packet: bytes, addresses: set[bytes]) -> bytes | None:
    """The reply to an echo request, from the IP header on; None to what is not for `addresses`.

    The kernel fills in the header's id, length and checksum (raw(7)).
    """
    header = (packet[0] & 0xF) * 4 if packet else 0
    if len(packet) < SHORTEST or packet[16:20] not in addresses or packet[header] != ECHO:
        return None
    bare = struct.pack("BBH", ECHO_REPLY, 0, 0) + packet[header + 4 :]
    message = bare[:2] + struct.pack("!H", checksum(bare)) + bare[4:]
    ends = packet[16:20] + packet[12:16]
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_ICMP, 0) + ends + message


def checksum(data: bytes) -> int:
    """The internet checksum."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
