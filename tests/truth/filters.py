"""A grammar of pcap filters: one meaning in many spellings, and mutations that change it.

`and` and `or` bind equally, from the left (pcap-filter(7)): what stands on the left of an operator
needs no parentheses, what stands on its right does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from truth.draft import Drawing

PROTOCOLS = {"udp": 17, "tcp": 6}
NAMES = {123: "ntp", 80: "http", 443: "https", 53: "domain"}
OFFSETS = {"src": 0, "dst": 2}
OTHER = {"udp": "tcp", "tcp": "udp", "src": "dst", "dst": "src", "and": "or", "or": "and"}
OTHER |= {"inbound": "outbound", "outbound": "inbound"}
STRANGERS = ("icmp", "arp", "udp port 53", "tcp dst port 80", "udp src port 123", "ip6", "udp")
NEAR = (1, -1, 1000, 10)
SWAPPED = {123: 132, 443: 433, 80: 8080, 53: 5353}
OTHER_ADDRESSES = ("8.8.4.4", "8.8.8.9", "1.1.1.1", "8.8.0.8")


@dataclass(frozen=True)
class Word:
    """A primitive as it stands."""

    text: str


@dataclass(frozen=True)
class Service:
    """Packets of a protocol to or from a port, or the ports of a range."""

    protocol: str
    side: str
    low: int
    high: int


@dataclass(frozen=True)
class Address:
    """Packets to or from an IPv4 address."""

    side: str
    address: str


@dataclass(frozen=True)
class Not:
    """What another does not take."""

    inner: Filter


@dataclass(frozen=True)
class Pair:
    """Two filters and what joins them; `bare` if the right one's parentheses are forgotten."""

    operator: str
    left: Filter
    right: Filter
    bare: bool = False


Filter = Word | Service | Address | Not | Pair
Path = tuple[str, ...]


class Change(NamedTuple):
    """What a change makes of a part of a filter, and to which parts it applies."""

    applies: Callable[[Any], bool]
    made: Callable[[Any, Drawing], Filter]


def service(protocol: str, side: str, port: int) -> Service:
    """Packets to or from one port."""
    return Service(protocol, side, port, port)


def nodes(whole: Filter, path: Path = ()) -> Iterator[tuple[Path, Filter]]:
    """Every part of a filter, with the way to it."""
    yield path, whole
    for name in ("inner", "left", "right"):
        if hasattr(whole, name):
            yield from nodes(getattr(whole, name), (*path, name))


def put(whole: Filter, path: Path, part: Filter) -> Filter:
    """The filter with another part at a place."""
    if not path:
        return part
    first, *rest = path
    return replace(whole, **{first: put(getattr(whole, first), tuple(rest), part)})


def changed(
    whole: Filter, drawing: Drawing, ways: Mapping[str, Change], without: Container[str] = ()
) -> tuple[Filter, str]:
    """The filter after one of the changes that apply to some part of it, and the change's name."""
    every = [
        (name, path, part)
        for path, part in nodes(whole)
        for name, way in ways.items()
        if name not in without and way.applies(part)
    ]
    name = drawing.one(sorted({name for name, _, _ in every}))
    path, part = drawing.one([(path, part) for one, path, part in every if one == name])
    return put(whole, path, ways[name].made(part, drawing)), name


# What a change applies to.


def anything(_: Any) -> bool:
    """Any filter."""
    return True


def pair(part: Any) -> bool:
    """Two filters that are joined."""
    return isinstance(part, Pair)


def nested(part: Any) -> bool:
    """Two that are joined, the right one such a pair itself."""
    return pair(part) and pair(part.right)


def with_protocol(part: Any) -> bool:
    """Ports of a protocol."""
    return isinstance(part, Service) and bool(part.protocol)


def with_side(part: Any) -> bool:
    """Ports or an address of one end."""
    return isinstance(part, Service | Address) and bool(part.side)


# The same meaning, written otherwise.


def _distribute(part: Any, _: Drawing) -> Filter:
    inner = part.right
    halves = (Pair(part.operator, part.left, half) for half in (inner.left, inner.right))
    return Pair(inner.operator, *halves)


SAME = {
    "commuted": Change(pair, lambda p, _: replace(p, left=p.right, right=p.left)),
    "by de Morgan": Change(
        pair, lambda p, _: Not(Pair(OTHER[p.operator], Not(p.left), Not(p.right)))
    ),
    "distributed": Change(lambda p: nested(p) and p.operator != p.right.operator, _distribute),
    "for both families": Change(
        lambda p: isinstance(p, Service),
        lambda p, _: Pair("or", Pair("and", Word("ip"), p), Pair("and", Word("ip6"), p)),
    ),
    "denied twice": Change(anything, lambda p, _: Not(Not(p))),
    "said twice": Change(anything, lambda p, drawing: Pair(drawing.one(["or", "and"]), p, p)),
}


def rewritten(whole: Filter, drawing: Drawing, most: int = 4) -> Filter:
    """The same filter after a few changes that keep its meaning."""
    for _ in range(drawing.number(0, most)):
        whole, _ = changed(whole, drawing, SAME)
    return whole


# Another meaning.


def _port(part: Any, drawing: Drawing) -> Filter:
    near = {part.low + by for by in NEAR} | {SWAPPED.get(part.low, 8080)}
    port = drawing.one(sorted(one for one in near if 0 < one < 65536))
    return Service(part.protocol, part.side, port, port)


def _wider(part: Any, drawing: Drawing) -> Filter:
    by = drawing.one([1, 2, 10, 100, 900])
    if drawing.maybe():
        return Service(part.protocol, part.side, max(0, part.low - by), part.high)
    return Service(part.protocol, part.side, part.low, min(65535, part.high + by))


WRONG = {
    "another port": Change(with_protocol, _port),
    "more ports": Change(with_protocol, _wider),
    "another address": Change(
        lambda p: isinstance(p, Address),
        lambda p, drawing: replace(p, address=drawing.one(OTHER_ADDRESSES)),
    ),
    "source for destination": Change(with_side, lambda p, _: replace(p, side=OTHER[p.side])),
    "either side": Change(with_side, lambda p, _: replace(p, side="")),
    "the other protocol": Change(
        with_protocol, lambda p, _: replace(p, protocol=OTHER[p.protocol])
    ),
    "protocol lost": Change(with_protocol, lambda p, _: replace(p, protocol="")),
    "direction turned": Change(
        lambda p: isinstance(p, Word) and p.text in OTHER, lambda p, _: Word(OTHER[p.text])
    ),
    "`and` for `or`": Change(pair, lambda p, _: replace(p, operator=OTHER[p.operator])),
    "left half only": Change(pair, lambda p, _: p.left),
    "right half only": Change(pair, lambda p, _: p.right),
    "parentheses forgotten": Change(nested, lambda p, _: replace(p, bare=True)),
    "`not` lost": Change(lambda p: isinstance(p, Not), lambda p, _: p.inner),
    "denied": Change(anything, lambda p, _: Not(p)),
    "IPv4 only": Change(anything, lambda p, _: Pair("and", Word("ip"), p)),
    "IPv6 only": Change(anything, lambda p, _: Pair("and", Word("ip6"), p)),
    "something more": Change(
        anything, lambda p, drawing: Pair("or", p, Word(drawing.one(STRANGERS)))
    ),
    "incoming only": Change(anything, lambda p, _: Pair("and", Word("inbound"), p)),
    "outgoing only": Change(anything, lambda p, _: Pair("and", p, Word("outbound"))),
    "not the small ones": Change(anything, lambda p, _: Pair("and", p, Word("greater 200"))),
}
DIRECTED = frozenset({"incoming only", "outgoing only"})


def mutated(whole: Filter, drawing: Drawing, *, without: Container[str] = ()) -> Filter:
    """The filter after one change that most often makes it wrong."""
    whole, name = changed(whole, drawing, WRONG, without)
    drawing.note(name)
    return whole


# Spelling.


def spelled(whole: Filter, drawing: Drawing) -> str:
    """The filter as text."""
    if isinstance(whole, Word):
        return whole.text
    if isinstance(whole, Service):
        return _service(whole, drawing)
    if isinstance(whole, Address):
        return _spelled_address(whole, drawing)
    if isinstance(whole, Not):
        inner = spelled(whole.inner, drawing)
        simple = isinstance(whole.inner, Word | Not)
        return drawing.one(["not ", "! "]) + (inner if simple else f"({inner})")
    left, right = spelled(whole.left, drawing), spelled(whole.right, drawing)
    if isinstance(whole.left, Pair) and drawing.maybe():
        left = f"({left})"
    if isinstance(whole.right, Pair) and not whole.bare:
        right = f"({right})"
    operator = drawing.one([whole.operator, {"and": "&&", "or": "||"}[whole.operator]])
    return f"{left} {operator} {right}"


def _service(one: Service, drawing: Drawing) -> str:
    """One of the ways to say it; parentheses around those that are several primitives."""
    side = f"{one.side} " if one.side else ""
    names = [str(one.low)]
    names += [NAMES[one.low]] if one.low in NAMES else []
    ports = [f"port {name}" for name in names] if one.low == one.high else []
    ports.append(f"portrange {one.low}-{one.high}")
    port = side + drawing.one(ports)
    if not one.protocol:
        return port
    number = PROTOCOLS[one.protocol]
    ways = [
        f"{one.protocol} {port}",
        f"({one.protocol} and {port})",
        f"({port} and {one.protocol})",
        f"(proto {number} and {port})",
        f"(proto \\{one.protocol} and {port})",
        f"((ip proto {number} or ip6 proto {number}) and {port})",
    ]
    if one.side:
        ways.append(_by_offset(one, drawing))
    return drawing.one(ways)


def _by_offset(one: Service, drawing: Drawing) -> str:
    """By the bytes of the headers: udp[…] is of IPv4 only, and never of a later fragment."""
    place, number = OFFSETS[one.side], PROTOCOLS[one.protocol]
    write = drawing.one([str, hex])
    equal = drawing.one(["=", "=="])
    tests = [
        f"{field} {equal} {write(one.low)}"
        if one.low == one.high
        else f"{field} >= {one.low} and {field} <= {one.high}"
        for field in (f"{one.protocol}[{place}:2]", f"ip6[{40 + place}:2]")
    ]
    return f"(({tests[0]}) or (ip6[6] = {number} and {tests[1]}))"


def _spelled_address(one: Address, drawing: Drawing) -> str:
    side = f"{one.side} " if one.side else ""
    ways = [f"{side}host {one.address}", f"ip {side}host {one.address}"]
    ways += [f"{side}net {one.address}/32"]
    if one.side:
        place = {"src": 12, "dst": 16}[one.side]
        number = int.from_bytes(bytes(int(part) for part in one.address.split(".")), "big")
        ways += [f"{side}{one.address}", f"ip[{place}:4] = 0x{number:08x}"]
    return drawing.one(ways)
