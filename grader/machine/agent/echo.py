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
from typing import NamedTuple

ECHO_REPLY, ECHO = 0, 8
SOL_RAW, ICMP_FILTER, IP_PKTINFO = 255, 1, 8
LARGEST = 65_535
MOST_WAITING = 4096
ICMP_HEADER = 8


class Reply(NamedTuple):
    """An ICMP message, and from where to where it goes."""

    source: bytes
    destination: bytes
    message: bytes


class LateEcho:
    """Answers what is asked of `addresses`, `delay` seconds later, until it is closed."""

    def __init__(self, delay: float, addresses: list[str]) -> None:
        """To be made by a thread in the host's network namespace."""
        self._delay = delay
        self._addresses = {ip_address(one).packed for one in addresses}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", ~(1 << ECHO) & 0xFFFFFFFF))
        self._socket.setblocking(False)
        self._waiting: list[tuple[float, Reply]] = []
        self._wake, self._closer = os.pipe()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        requests = self._socket.fileno()
        poll = select.poll()  # unlike select(2), for descriptors of any number
        for fd in (requests, self._wake):
            poll.register(fd, select.POLLIN)
        ready: dict[int, int] = {}
        while self._wake not in ready:
            if requests in ready:
                self._take()
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                self._send(heapq.heappop(self._waiting)[1])
            wait = max(0.0, self._waiting[0][0] - now) * 1000 if self._waiting else None
            ready = dict(poll.poll(wait))
        os.close(self._wake)
        self._socket.close()

    def _take(self) -> None:
        with suppress(BlockingIOError):
            while True:
                packet = self._socket.recv(LARGEST)
                if (answer := reply_to(packet, self._addresses)) and len(
                    self._waiting
                ) < MOST_WAITING:
                    heapq.heappush(self._waiting, (time.monotonic() + self._delay, answer))

    def _send(self, reply: Reply) -> None:
        # struct in_pktinfo: any interface, the source, and nothing (ip(7)).
        source = struct.pack("=i4s4x", 0, reply.source)
        control = [(socket.IPPROTO_IP, IP_PKTINFO, source)]
        with suppress(OSError):
            to = (socket.inet_ntoa(reply.destination), 0)
            self._socket.sendmsg([reply.message], control, 0, to)

    def close(self) -> None:
        """Answer no more and free the socket."""
        os.close(self._closer)


def reply_to(packet: bytes, addresses: set[bytes]) -> Reply | None:
    """The reply to an echo request, from the IP header on; None to what is not for `addresses`."""
    header = (packet[0] & 0xF) * 4 if packet else 0
    if len(packet) < header + ICMP_HEADER or packet[header] != ECHO:
        return None
    if packet[16:20] not in addresses:
        return None
    bare = struct.pack("BBH", ECHO_REPLY, 0, 0) + packet[header + 4 :]
    message = bare[:2] + struct.pack("!H", checksum(bare)) + bare[4:]
    return Reply(packet[16:20], packet[12:16], message)


def checksum(data: bytes) -> int:
    """The internet checksum."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total: int = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
