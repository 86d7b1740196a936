"""Threads that send UDP datagrams from the student's host, each on a processor, some real-time.

A real-time thread interrupts an ordinary one on its processor wherever that is in the kernel, so
that two threads are inside of the same kernel function at once, on one processor (sched(7)).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.world import World

READY_WITHIN = 15.0
LONGEST_S = 120.0
PROGRAM = r"""
import json, os, socket, sys, threading, time
order = json.load(sys.stdin)
end = time.monotonic() + order["longest_s"]
here = threading.Barrier(len(order["senders"]) + 1)
def send(to, cpu, period_s, realtime):
    os.sched_setaffinity(0, {cpu % os.cpu_count()})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.wait()
    while time.monotonic() < end:
        s.sendto(b"netlab", tuple(to))
        if period_s:
            time.sleep(period_s)
for one in order["senders"]:
    threading.Thread(target=send, kwargs=one, daemon=True).start()
here.wait()
print("sending", flush=True)
time.sleep(order["longest_s"])
"""


@dataclass(frozen=True)
class Sender:
    """One thread: address and port that it sends to, its processor, seconds between datagrams."""

    to: tuple[str, int]
    cpu: int
    period_s: float = 0.0
    realtime: bool = False


class Sending(Disposable):
    """Senders at work as the machine's root, until the context is left."""

    def __init__(self, world: World, senders: Sequence[Sender]) -> None:
        """Returns when all have begun. Raises GraderError if they can't."""
        order = {"senders": [asdict(one) for one in senders], "longest_s": LONGEST_S}
        host = world.host(world.blueprint.student)
        self._process = host.start(
            "/usr/bin/python3", "-I", "-S", "-c", PROGRAM, stdin=json.dumps(order).encode()
        )
        if not self._process.expect("sending", within=READY_WITHIN):
            done = self._process.so_far()
            self._process.close()
            raise GraderError(f"the senders {done.outcome}: {done.complaints[-300:]}")

    def close(self) -> None:
        """Stop sending."""
        self._process.close()
