"""The kernel's table of neighbours: one for all of its network namespaces, and not a large one.

By default it has 1,024 entries (arp(7), gc_thresh3). Whoever asks a whole LAN for its hosts takes
one for each address, and a few of those at once fill it: see neigh_alloc in net/core/neighbour.c.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader import home
from grader.lock import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.world.world import Host

# At a time. Few scripts ask all addresses of a /24 by IP, which four at once may do; most take room
# for the hosts that there are.
LANS = 12


@contextmanager
def room(lans: int = LANS) -> Iterator[None]:
    """Hold room for the neighbours of so many LANs in this host's table; by default, all of it."""
    with places(home.cache("neighbours"), lans, LANS):
        yield


def table_fulls(host: Host) -> int:
    """How often the kernel below a host could not add a neighbour."""
    done = host.run("ip", "-s", "ntable", "show", "name", "arp_cache")
    found = re.search(r"table_fulls (\d+)", done.output)
    return int(found[1]) if found else 0
