"""The kernel's table of neighbours: one for all of its network namespaces, and not a large one.

By default it has 1,024 entries (arp(7), gc_thresh3). Whoever asks a whole LAN for its hosts takes
one for each address, and a few of those at once fill it: see neigh_alloc in net/core/neighbour.c.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader import home
from grader.lock import places

if TYPE_CHECKING:
    from collections.abc import Iterator

# At a time. Few scripts ask all addresses of a /24 by IP, which four at once may do; most take room
# for the hosts that there are.
LANS = 12
FULL = "the kernel's table of neighbours, one for all that runs on it, had no room for another"
MAKE_ROOM = (
    "grade with fewer workers at a time (-n), or let the table grow: "
    "sysctl net.ipv4.neigh.default.gc_thresh3, net.ipv6.neigh.default.gc_thresh3 (arp(7))"
)


@contextmanager
def room(lans: int = LANS) -> Iterator[None]:
    """Hold room for the neighbours of so many LANs in this host's table; by default, all of it."""
    with places(home.cache("neighbours"), lans, LANS):
        yield
