"""The packets of a pwru trace, each with the functions that it passed through, and what they show.

An skb's address is used again for other packets, so a flow is cut where a packet must have ended.
Of the functions only those in kernel_path are judged: any other may come anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tests_lab.kernel.path import (
    ARRIVALS,
    CONSUMES,
    DROPS,
    HOOK,
    LEAVE,
    POSITION,
    REMAINS,
    is_driver,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.evidence import PwruTrace, SkbEvent

QUERY = "8.8.8.8:53"
# A packet of this host begins with them.
STARTS = ("ip_send_skb", "ip_local_out", "__ip_local_out")
SEND, OUTPUT, FINISH2 = (
    POSITION[name] for name in ("ip_send_skb", "ip_output", "ip_finish_output2")
)
NEIGHBOUR = POSITION["neigh_resolve_output"]
RECEIVED = (*ARRIVALS, "ip_local_deliver", "udp_rcv", "__udp4_lib_rcv", "tcp_v4_rcv", "icmp_rcv")
# What sends TCP, and what sends IPv6: neither is called for a UDP packet of IPv4 until it has left.
TCP_ONLY = frozenset(
    {"__tcp_transmit_skb", "tcp_wfree", "__tcp_v4_send_check", "ip_queue_xmit", "__ip_queue_xmit"}
)
IPV6_ONLY = frozenset(
    {"ip6_send_skb", "ip6_xmit", "ip6_local_out", "__ip6_local_out", "ip6_output"}
    | {"ip6_finish_output", "__ip6_finish_output", "ip6_finish_output2"}
)
ENDS = (*DROPS, *CONSUMES, "__kfree_skb", "kfree_skbmem", "__consume_stateless_skb")
# Until 5.17 nf_hook_slow gave no reason: "net: netfilter: use kfree_drop_reason() for NF_DROP".
NO_REASON = "NOT_SPECIFIED"


@dataclass(frozen=True)
class Walk:
    """One packet's events."""

    events: tuple[SkbEvent, ...]

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The functions' names as in their sources."""
        return tuple(plain(event.function) for event in self.events)

    @property
    def is_query(self) -> bool:
        """Whether it can be a query to 8.8.8.8: either ends are not printed, or are its."""
        ends = {event.dst for event in self.events if event.dst}
        return not ends or QUERY in ends

    @property
    def in_ip(self) -> bool:
        """Whether it was seen on its way out through the IP layer."""
        return any(SEND <= POSITION.get(name, -1) <= FINISH2 for name in self.functions)

    @cached_property
    def left(self) -> int | None:
        """Where it is handed to the driver, or shows that it was."""
        deep = False
        for number, name in enumerate(self.functions):
            if name == "dev_hard_start_xmit" or is_driver(name) or (deep and name in CONSUMES):
                return number
            deep = deep or POSITION.get(name, -1) >= FINISH2
        return None

    @property
    def dropped(self) -> int | None:
        """Where it is dropped; freeing alone counts if a hook was the last thing before it."""
        hook = False
        for number, name in enumerate(self.functions):
            if name in DROPS or (hook and name in REMAINS):
                return number
            hook = (hook or name == HOOK) and POSITION.get(name, -1) < OUTPUT
        return None

    @property
    def shown(self) -> str:
        """The path, in a message."""
        known = (*POSITION, HOOK, *DROPS, *CONSUMES)
        names = [name for name in self.functions if name in known or is_driver(name)]
        return " → ".join(names[:24] or self.functions[:12])

    @property
    def foreign(self) -> SkbEvent | None:
        """The first event that no UDP packet of IPv4 can have, if its ends say that it is one."""
        if not any(event.protocol == "udp" and event.dst == QUERY for event in self.events):
            return None
        found = zip(self.functions[: self.left], self.events, strict=False)
        return next((event for name, event in found if name in TCP_ONLY | IPV6_ONLY), None)

    def disorder(self) -> tuple[SkbEvent, SkbEvent] | None:
        """Two events in an order in which no kernel calls them; None if there are none."""
        left = len(self.functions) if self.left is None else self.left
        seen: dict[str, int] = {}
        for number, name in enumerate(self.functions):
            if name in seen or (name not in POSITION and name not in (HOOK, *RECEIVED)):
                continue
            wrong = self._wrong_before(name, seen, after_leaving=number > left)
            if wrong is not None:
                return self.events[wrong], self.events[number]
            seen[name] = number
        return None

    def _wrong_before(self, name: str, seen: dict[str, int], *, after_leaving: bool) -> int | None:
        """Which of the events seen before cannot come before the function `name`."""
        if name == HOOK or (name in RECEIVED and after_leaving):
            return None
        place = POSITION.get(name, LEAVE)
        if after_leaving:
            # Below another device, such as a VLAN's, only the device layer is passed once more.
            arrived = any(one in seen for one in RECEIVED)
            return None if arrived or place > NEIGHBOUR else self.left
        for other, number in seen.items():
            late = name in STARTS if other not in POSITION else POSITION[other] > place
            if late:
                return number
        return None


def walks(trace: PwruTrace) -> list[Walk]:
    """All packets of a trace."""
    return [Walk(tuple(part)) for flow in trace.flows for part in _parts(flow)]


def _parts(flow: Iterable[SkbEvent]) -> list[list[SkbEvent]]:
    """One address's events, cut where another packet begins."""
    parts: list[list[SkbEvent]] = []
    seen: set[str] = set()
    for event in flow:
        name = plain(event.function)
        over = bool(seen & {*ENDS, "dev_hard_start_xmit", *RECEIVED}) or name in seen
        again = (name in POSITION or name == HOOK) and bool(seen & set(ENDS))
        if not parts or again or (name in STARTS and over):
            parts.append([])
            seen = set()
        parts[-1].append(event)
        seen.add(name)
    return parts


def impossible(walk: Walk) -> str | None:
    """What no kernel does with a query, if the packet shows such."""
    if walk.foreign:
        event = walk.foreign
        return f"no kernel calls {event.function} (line {event.number}) for UDP over IPv4"
    pair = walk.disorder()
    if pair is None:
        return None
    first, second = pair
    return (
        f"no kernel calls {first.function} (line {first.number}) for a packet before its first "
        f"{second.function} (line {second.number})"
    )


def not_dropped(walk: Walk) -> tuple[int, str] | None:
    """Why a packet was not dropped in OUTPUT, and how near it came; None if it was."""
    before = walk.functions[: walk.dropped]
    reason = "" if walk.dropped is None else walk.events[walk.dropped].reason
    foreign = walk.foreign
    faults = (
        (foreign is not None, f"cannot be UDP over IPv4, as {foreign and foreign.function} shows"),
        (walk.functions[0] in RECEIVED, "comes in"),
        (walk.left is not None, "is handed to the driver"),
        (walk.dropped is None and HOOK not in before, "is not seen to be dropped"),
        (walk.dropped is None, "is not seen to be dropped"),
        (not reason_is_netfilter(reason), f"is dropped for another reason, {reason}"),
        (HOOK not in before, f"is dropped without having come to {HOOK}"),
        (
            any(POSITION.get(name, -1) >= OUTPUT for name in before),
            "is dropped behind ip_output, so not in OUTPUT",
        ),
    )
    for nearness, (holds, what) in enumerate(faults):
        if holds:
            return nearness, f"this one {what}: {walk.shown}"
    return None


def reason_is_netfilter(reason: str) -> bool:
    """Whether a drop's reason is netfilter's, or not told."""
    return not reason or reason.isdigit() or "NETFILTER" in reason or NO_REASON in reason


def same_events(first: PwruTrace, second: PwruTrace, enough: int = 4) -> tuple[SkbEvent, ...]:
    """So many events in a row with the same skb and the same times in both traces, if any."""
    runs = {tuple((one.skb, one.stamp) for one in run): run for run in _runs(first, enough)}
    for run in _runs(second, enough):
        found = tuple((one.skb, one.stamp) for one in run)
        if found in runs and len({stamp for _, stamp in found if stamp}) >= enough - 1:
            return run
    return ()


def _runs(trace: PwruTrace, length: int) -> Iterable[tuple[SkbEvent, ...]]:
    for flow in trace.flows:
        yield from zip(*(flow[start:] for start in range(length)), strict=False)
