"""Marks what passes netfilter on the student's host, so that on the wire it can be told apart.

A table that nobody but its owner may change (nft(8), flag owner) sets a random DSCP in every
packet that reaches the last hook. What leaves without the mark went past netfilter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError

if TYPE_CHECKING:
    from grader.evidence.packet import Packet
    from grader.world import World

# In one line each, as interactive nft reads it.
TABLE = (
    "table inet {name} {{ flags owner; chain last {{ "
    "type filter hook postrouting priority 1000; "
    'oifname != "lo" counter; ip dscp set {mark}; ip6 dscp set {mark}; }}; }}\n'
    "list table inet {name}\n"
)
# Not one of the values that applications choose (RFC 4594, 2.3).
FREE_MARKS = (3, 5, 7, 9, 13, 17, 21, 25, 29, 33, 39, 43, 49, 53, 57, 61)
READY_WITHIN = 10.0
COUNTER = re.compile(r"counter packets (\d+)")


class Tracer(Disposable):
    """The table, held by a process of ours beside the sandbox while the context lasts."""

    def __init__(self, world: World) -> None:
        self.mark = world.rng.choice(FREE_MARKS)
        self._world = world
        self._table = f"t{world.rng.getrandbits(32):08x}"
        rules = TABLE.format(name=self._table, mark=self.mark)
        # The owner is the process's netlink socket: nft must stay, its input open.
        self._process = world.student.start(
            "sh", "-c", '{ printf %s "$1"; exec sleep 3600; } | nft --interactive', "sh", rules
        )
        if not self._process.expect("dscp set", within=READY_WITHIN):
            done = self._process.so_far()
            raise GraderError(f"nft {done.outcome} without a table: {done.complaints.strip()}")

    def close(self) -> None:
        """Take the table away."""
        self._process.close()

    def count(self) -> int:
        """How many packets have reached the last hook, on their way to any link but loopback.

        Hooks behind it can wash the mark off, but not off this count.
        """
        done = self._world.student.start("nft", "list", "table", "inet", self._table).finish(10)
        found = COUNTER.search(done.output)
        if found is None:
            raise GraderError(f"nft {done.outcome} without a counter: {done.complaints.strip()}")
        return int(found[1])

    def passed(self, packet: Packet) -> bool:
        """Whether the packet went through netfilter's last hook on its way out."""
        if packet.version == 4:
            return packet.ip[1] >> 2 == self.mark
        if packet.version == 6:
            traffic_class = int.from_bytes(packet.ip[:2], "big") >> 4 & 0xFF
            return traffic_class >> 2 == self.mark
        return False
