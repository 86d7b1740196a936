"""02b: answers.yaml. Each answer is right or wrong by itself, so a draft is exact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from truth.draft import Draft, Drawing, Known

if TYPE_CHECKING:
    from collections.abc import Callable

FILE, TASK, BUT_FOR = "answers.yaml", "02b", ""
Oracle = Known
ECHO = ("ICMP echo request", "ICMP", "icmp echo", "ICMP Echo (ping) request", "ping", "ICMP type 8",
        "echo requests (ICMP)", "ICMP ping", "ICMP, type 8, code 0")  # fmt: skip
UDP = ("UDP", "udp datagrams", "User Datagram Protocol", "UDP/IPv4", "UDP (to high ports)",
       "UDP over IPv4", "IPv4 UDP")  # fmt: skip
TCP = ("TCP", "TCP SYN", "tcp packets", "TCP (SYN)", "Transmission Control Protocol",
       "TCP SYN packets", "TCP segments with SYN")  # fmt: skip
UNREACHABLE = ("ICMP port unreachable", "Destination unreachable (Port unreachable)",
               "ICMP type 3 code 3", "port unreachable", "ICMP destination port unreachable",
               "icmp: 8.8.8.8 udp port 33450 unreachable", "ICMP Type 3, Code 3: Port Unreachable",
               "Destination port unreachable (ICMP)", "ICMP Destination Unreachable",
               "unreachable - port")  # fmt: skip
EXCEEDED = ("ICMP time exceeded", "TTL exceeded", "ICMP type 11", "Time-to-live exceeded")
REPLY = ("ICMP echo reply", "echo reply", "ICMP type 0")
RESET = ("TCP RST", "a reset", "RST")
DOWN = ("down", "descending", "decreasing", "it decreases", "downwards", "from high to low",
        "counts down", "10, 9, 8, 7", "goes down", "it is decremented", "backwards",
        "it counts down from 10")  # fmt: skip
UP = ("up", "ascending", "increasing", "1, 2, 3, 4", "it increases", "from low to high", "upwards")
SCANNED = ("the scan", "from the port scan", "a port that answered", "an open port of the scan",
           "a port that the scan found open", "the scan found it", "an open or closed port",
           "it is a scanned port that responded")  # fmt: skip
NOT_SCANNED = ("random", "fixed", "counted up", "a random port", "counted up from 33434",
               "an ephemeral port", "always the same")  # fmt: skip


def number(right: int, word: str, *others: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The spellings of a number, and others."""
    spelt = (str(right), word, f"{right}.", f"it is {right}", f"= {right}", f" {right} ",
             f"({right})", f"**{right}**", f"exactly {right}")  # fmt: skip
    return spelt, tuple(map(str, others))


# The right answers of each key, and wrong ones.
QUESTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "traceroute_protocol": (UDP, (*ECHO, *TCP)),
    "traceroute_first_port": number(33434, "port 33434", 33435, 33433, 3343, 80, 53, 0),
    "traceroute_port_step": number(1, "one", 0, 2, 3, 10, -1),
    "traceroute_probes_per_hop": number(3, "three", 1, 2, 4, 16, 30),
    "traceroute_arrival": (UNREACHABLE, (*EXCEEDED, *REPLY, *RESET)),
    "nmap_protocol": (ECHO, (*UDP, *TCP)),  # a reply's protocol is right, too
    "nmap_first_ttl": number(10, "ten", 1, 64, 30, 9, 11, 100),
    "nmap_ttl_order": (DOWN, (*UP, "random")),
    "nmap_protocol_after_scan": (TCP, (*UDP, *ECHO)),
    "nmap_port_after_scan": (SCANNED, NOT_SCANNED),
}
DRESSED = (str, str.upper, str.lower, str.title, lambda text: f"{text}.", lambda text: f" {text} ",
           lambda text: text.replace(" ", "  "), lambda text: text.replace(" ", "-"))  # fmt: skip


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Sections, each answer right or wrong, in some spelling and some form of YAML."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    lines, loses = [], set()
    some_wrong = drawing.maybe()
    for key in drawing.shuffled([*QUESTIONS]):
        right, wrong = QUESTIONS[key]
        is_wrong = some_wrong and drawing.maybe(3)
        text = drawing.one(wrong if is_wrong else right)
        dress = drawing.one(DRESSED)
        text = text if text[0].isdigit() or not text[0].isalpha() else dress(text)
        if is_wrong:
            loses.add(key)
            drawing.note(f"{key}: {text}")
        forms = [
            json.dumps(text, ensure_ascii=False),
            f"[{json.dumps(text)}]",
            f"|\n    {text.strip()}",
        ]
        plain = text.strip()
        if not any(mark in plain for mark in ":#*&!|>{}[],") and plain[0] not in "=-(":
            forms.insert(0, plain)
        lines.append(f"  {key}: {drawing.one(forms)}")
    head = drawing.one(["02b:\n", "# my answers\n'02b':\n", '"02b":\n'])
    return Draft(head + "\n".join(lines) + "\n", tuple(drawing.made), frozenset(loses), exact=True)
