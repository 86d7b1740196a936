"""01c: DNS queries of many kinds, what is none, and how each of them left the host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.traffic import clients
from grader.traffic.crafted import EPHEMERAL
from grader.traffic.sockets import Flow, Talk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from random import Random

    from grader.evidence import Capture, Packet
    from grader.world import World

DNS = 53
DEFAULT_TTL = 64
OWN_TTL = (33, 60)  # neither the usual one nor any that the script is called with
NAME = "fep.grid.pub.ro"
SERVERS = ("8.8.8.8", "8.8.4.4")
ROOT, OTHER_USER = (0, 0), (1000, 1000)
# Behind the header's id: one question, or one with its answer left out (RFC 1035, 4.1); dig's bits
# and its OPT record (RFC 6891, 6.1.2).
ASKED, ASKED_BY_DIG = "\x01\x00\x00\x01" + 6 * "\x00", "\x01\x20\x00\x01" + 5 * "\x00" + "\x01"
ANSWERED = "\x81\x80\x00\x01" + 6 * "\x00"
OPT = "\x00\x00\x29\x04\xd0" + 6 * "\x00"
TYPE_A, TYPE_TXT, CLASS_IN = "\x00\x01", "\x00\x10", "\x00\x01"
LONGEST_LABEL = 63
BURST = 8
NEIGHBOURS = (52, 54, 123, 1053, 5353, DNS << 8)


@dataclass(frozen=True)
class Left:
    """How a packet left the host, if it did; whether it was answered; `what` it was."""

    what: str
    flow: Flow
    packet: Packet | None
    answered: bool

    @property
    def ttl(self) -> int | None:
        """The TTL on the wire."""
        return None if self.packet is None else self.packet.ttl

    @property
    def shown(self) -> str:
        """The TTL, in a message."""
        return "none left" if self.ttl is None else f"it left with TTL {self.ttl}"

    @property
    def changed(self) -> str:
        """What else has been changed on its way; empty if nothing."""
        flow, packet = self.flow, self.packet
        if packet is None:
            return ""
        if (packet.dst, packet.dport) != (flow.host, flow.port):
            return (
                f"it was sent to {flow.host}:{flow.port}, and left for {packet.dst}:{packet.dport}"
            )
        if flow.protocol == "udp" and packet.payload != flow.messages[0].encode("latin-1"):
            return "its payload was changed"
        return f"its DSCP and ECN were 0, and left as {packet.ip[1]}" if packet.ip[1] else ""


def message(rng: Random, name: str = NAME, *, flags: str = ASKED, kind: str = TYPE_A) -> str:
    """A DNS message about a name."""
    number = f"{chr(rng.randrange(256))}{chr(rng.randrange(256))}"
    labels = "".join(chr(len(label)) + label for label in name.split(".") if label)
    return f"{number}{flags}{labels}\x00{kind}{CLASS_IN}"


def query(world: World, server: str = SERVERS[0], text: str = "") -> Flow:
    """A DNS query, for the page's name if not another text."""
    return Flow("udp", server, DNS, messages=(text or message(world.rng),), timeout=0.5)


def awaited(flow: Flow) -> Flow:
    """The same, its answer awaited."""
    return replace(flow, answered=True)


def queries(world: World) -> dict[str, Flow]:
    """Queries to each server: usual, short, long, as dig asks, from any port, many at once."""
    rng = world.rng
    labels = ("".join(rng.choices("abcdefgh", k=LONGEST_LABEL)) for _ in range(3))
    texts = {
        "a query": message(rng),
        "the shortest query": message(rng, "."),
        "a long query": message(rng, ".".join(labels), kind=TYPE_TXT),
        "a query as dig's": message(rng, flags=ASKED_BY_DIG) + OPT,
    }
    found = {f"{what} to {to}": query(world, to, text)
             for to in SERVERS for what, text in texts.items()}  # fmt: skip
    low = replace(query(world), sport=rng.randint(1024, EPHEMERAL[0] // 2))
    burst = {f"query {n} of many to {SERVERS[0]}": query(world) for n in range(1, BURST + 1)}
    return {**found, f"a query from port {low.sport} to {SERVERS[0]}": low, **burst}


def others(world: World, ports: Sequence[int] = NEIGHBOURS) -> dict[str, Flow]:
    """Packets that are no DNS queries, each with the usual TTL and with one of its own.

    `ports` are those that UDP goes to.
    """
    rng = world.rng
    site = world.addresses(clients.SITES[0], 4)[0]

    def flows(answered_port: int, site_port: int) -> dict[str, Flow]:
        answer = (message(rng, flags=ANSWERED),)
        return {
            **{f"UDP to port {port}": replace(query(world), port=port) for port in ports},
            "UDP from port 53": Flow("udp", site, answered_port, DNS, answer),
            "TCP to port 53": Flow("tcp", SERVERS[0], DNS),
            f"TCP to port {site_port}": Flow("tcp", site, site_port),
            "TCP from port 53": Flow("tcp", site, site_port, DNS),
        }

    usual, own = rng.sample(range(*EPHEMERAL), 2)
    ttl = rng.randint(*OWN_TTL)
    with_own = flows(own, 443)
    return {
        **flows(usual, 80),
        **{
            f"{what}, sent with TTL {ttl},": replace(one, ttl=ttl) for what, one in with_own.items()
        },
    }


def send(
    world: World, wire: Capture, flows: Mapping[str, Flow], user: tuple[int, int] = ROOT
) -> list[Left]:
    """Send flows, from different ports, and see how the first packet of each left."""
    first = len(wire.frames())
    ports = iter(world.rng.sample(range(*EPHEMERAL), len(flows)))
    flows = {what: replace(one, sport=one.sport or next(ports)) for what, one in flows.items()}
    with Talk(world, [*flows.values()], user) as talk:
        sent = [packet for packet in wire.frames().packets[first:] if packet.sent]
        return [
            Left(what, flow, _first_of(flow, sent), outcome == "answered")
            for (what, flow), outcome in zip(flows.items(), talk.outcomes, strict=True)
        ]


def _first_of(flow: Flow, sent: Iterable[Packet]) -> Packet | None:
    own = [one for one in sent if (one.protocol, one.sport) == (flow.protocol, flow.sport)]
    there = [one for one in own if (one.dst, one.dport) == (flow.host, flow.port)]
    return next(iter([*there, *own]), None)
