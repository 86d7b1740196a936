"""Real sockets of a chosen user on the student's host, through its whole network stack."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.machine.process import Process
    from grader.world import World

WITHIN = 20.0
SHOWN = 4

# Runs under the image's Python, beside the sandbox: takes flows as JSON, prints what came back,
# and holds the sockets open until it is killed, since a closed socket's last packets have no owner.
PROGRAM = r"""
import json, select, socket, sys, time
IP_RECVERR = 11
held = []
patience = {"s": 0.05}
def talk(flow):
    family = socket.AF_INET6 if ":" in flow["host"] else socket.AF_INET
    stream = flow["protocol"] == "tcp"
    s = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    held.append(s)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if stream:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    elif family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    if flow["ttl"]:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, flow["ttl"])
    s.settimeout(flow["timeout"])
    if flow["sport"]:
        s.bind(("", flow["sport"]))
    if not flow["timeout"]:
        s.setblocking(False)
        s.connect_ex((flow["host"], flow["port"]))
        # Paced by the refusals, so that no capture is overrun; if one is missing, the rest will be.
        patience["s"] *= bool(select.select([], [s], [], patience["s"])[1])
        return "sent"
    s.connect((flow["host"], flow["port"]))
    for message in flow["messages"]:
        s.send(message.encode("latin-1"))
    if not flow["answered"]:
        return "sent"
    answer = s.recv(65536)
    if flow["finishes"]:
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    return "answered" if answer else "closed"
def attempt(flow):
    try:
        return talk(flow)
    except OSError as error:
        return type(error).__name__ if error.errno is None else "%s: %s" % (
            type(error).__name__, error.strerror)
print(json.dumps([attempt(flow) for flow in json.load(sys.stdin)]), flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Flow:
    """One socket: where it connects to, what it sends, and whether an answer is awaited.

    `sport` 0 lets the kernel choose. `timeout` is in seconds, for each step; 0 sends the request
    for a connection and does not wait for what becomes of it. A flow that `finishes` says so once
    it is answered, but keeps its socket. `ttl` 0 is the host's usual one; others are for IPv4.
    """

    protocol: str
    host: str
    port: int
    sport: int = 0
    messages: tuple[str, ...] = ()
    answered: bool = False
    finishes: bool = False
    ttl: int = 0
    timeout: float = 1.0


class Talk(Disposable):
    """Flows that one process has run, its sockets still open."""

    def __init__(self, world: World, flows: Sequence[Flow], user: tuple[int, int]) -> None:
        ends = ", ".join(
            f"{one.protocol} {one.sport or '*'} → {one.host}:{one.port}" for one in flows[:SHOWN]
        )
        ends += f" and {len(flows) - SHOWN} more" if len(flows) > SHOWN else ""
        world.commands.append(f"{world.student.name}# sockets of uid {user[0]}: {ends}")
        order = json.dumps([asdict(flow) for flow in flows]).encode()
        self._process: Process = world.student.start(
            "/usr/bin/python3", "-I", "-S", "-c", PROGRAM, stdin=order, user=user
        )
        if not self._process.expect(r"\n", within=WITHIN):
            done = self._process.so_far()
            self._process.close()
            raise GraderError(f"the test sockets {done.outcome}: {done.complaints[-300:]}")
        self.outcomes: list[str] = json.loads(self._process.so_far().output)

    def close(self) -> None:
        """Close the sockets."""
        self._process.close()

    @property
    def answered(self) -> bool:
        """Whether every flow got its answer."""
        return all(outcome == "answered" for outcome in self.outcomes)
