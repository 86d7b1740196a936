"""03a: pwru.sh, without the traces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from grader.sandbox import Sandbox
from truth.draft import Draft, Drawing
from truth.filters import (
    DIRECTED,
    Address,
    Pair,
    Service,
    Word,
    mutated,
    rewritten,
    service,
    spelled,
)
from truth.packets import RAW, drawn, saved, taken
from truth.shell import broken, quoted, quoted_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image
    from grader.machine.client import Machine
    from truth.filters import Filter
    from truth.packets import Packet

FILE, TASK, BUT_FOR = "pwru.sh", "03a", ""
ETHERNET = 1
SERVER, PORT = "8.8.8.8", 53
RELATIVE = (["--timestamp", "relative"], ["--timestamp=relative"])
BESIDE = (["--output-tuple"], ["--output-meta"], ["--output-skb"], ["--output-stack"],
          ["--filter-func", "ip.*"], ["--filter-func=(ip|udp|__dev|dev).*"], ["--all-kmods"],
          ["--output-limit-lines", "200"], ["--output-limit-lines=99"], ["--backend", "kprobe"],
          ["--output-file", "/tmp/trace.txt"], ["--filter-track-skb"], ["--filter-mark", "0"],
          ["--output-caller"], ["--filter-netns=inode:4026531840"])  # fmt: skip
# What becomes of the option, and the check that is lost by it.
MISTAKES: dict[str, tuple[list[str], set[str]]] = {
    "absolute": (["--timestamp", "absolute"], {"relative"}),
    "current": (["--timestamp=current"], {"relative"}),
    "none": (["--timestamp", "none"], {"relative"}),
    "no time": ([], {"relative"}),
    "misspelt option": (["--timestamps", "relative"], {"command"}),
    "misspelt value": (["--timestamp", "relativ"], {"relative"}),
    "JSON": (["--timestamp", "relative", "--output-json"], {"command"}),
    "own option": (["--relative"], {"command", "relative"}),
    "value forgotten": (["--timestamp"], {"command", "relative", "dns_queries", "only_dns"}),
}
# Everything that begins so is an option here; these have their value in the next word.
WITH_VALUE = {"--timestamp", "--filter-func", "--output-limit-lines", "--backend", "--output-file",
              "--filter-mark"}  # fmt: skip
STAND_IN = '#!/bin/sh\nfor one in "$@"; do printf "%s\\0" "$one"; done > /work/words\n'
SUDO = '#!/bin/sh\nexec "$@"\n'
# A signal that comes before the shell's child ignores it would end the stand-in too soon.
NO_KILL = "kill() { wait; }\n"
PACKETS = 3000


def meaning(drawing: Drawing) -> Filter:
    """What is asked for, exactly or with what may be shown, too."""
    port: Filter = drawing.one([service("udp", "dst", PORT), Service("", "dst", PORT, PORT),
                                service("udp", "", PORT), Service("", "", PORT, PORT)])  # fmt: skip
    address = Address(drawing.one(["dst", "dst", ""]), SERVER)
    whole: Filter = Pair("and", address, port)
    if drawing.maybe(4):
        whole = Pair("and", Word("ip"), whole)
    if drawing.maybe(4):
        whole = Pair("and", Word(drawing.one(["udp", "not icmp", "not arp"])), whole)
    return whole


def script(options: list[list[str]], text: str, drawing: Drawing) -> str:
    """The file, in one of the ways in which people write such a thing."""
    flat = [word if re.fullmatch(r"[\w./=:-]+", word) else f"'{word}'"
            for words in options for word in words]  # fmt: skip
    before = drawing.one(["sudo ", "", "exec sudo "])
    head = drawing.one(["#!/bin/bash\n", "", "#!/bin/sh\n# a query's way\nset -u\n"])
    tail = drawing.one(["", (" &\nPWRU=$!\nsleep 0.2\ndig @8.8.8.8 ocw.cs.pub.ro +time=1 +tries=1\n"
                        "kill -INT $PWRU\nwait")])  # fmt: skip
    if drawing.maybe(3):
        head += f"FILTER={quoted_once(text)}\n"
        words = drawing.one([[*flat, '"$FILTER"'], ['"$FILTER"', *flat], [*flat, "$FILTER"]])
    else:
        shown = quoted(text, drawing)
        words = drawing.one([[*flat, shown], [shown, *flat]])
    if "exec" in before:
        tail = ""
    return head + before + broken(["pwru", *words], drawing) + tail + "\n"


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Scripts: some as they should be, others with a mistake in filter or option."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    kind = drawing.one(["right", "filter", "option", "right", "filter", "both", "filter"])
    what = meaning(drawing)
    if kind in {"filter", "both"}:
        what = mutated(what, drawing, without=DIRECTED)
    what = rewritten(what, drawing)
    time, lost = drawing.one(RELATIVE), set[str]()
    if kind in {"option", "both"}:
        mistake = drawing.one(MISTAKES)
        drawing.note(mistake)
        time, lost = MISTAKES[mistake]
    beside = [drawing.one(BESIDE) for _ in range(drawing.number(0, 2))]
    options = [one for one in drawing.shuffled([time, *beside]) if one]
    if time == ["--timestamp"]:
        options = [*beside, time]
    text = script(options, spelled(what, drawing), drawing)
    return Draft(text, tuple(drawing.made), frozenset(lost))


class Oracle:
    """Says which checks a script fails, by what tcpdump takes of packets in two files."""

    def __init__(self, machine: Machine, _: Image) -> None:
        self.sandbox = Sandbox(machine)
        self.packets = [one for one in drawn(PACKETS, "03a") if not one.later_fragment]

    def __enter__(self) -> Oracle:
        self.sandbox.__enter__()
        put = self.sandbox.put
        ip = [one for one in self.packets if one.protocol != "arp"]
        self.packets = ip
        put("raw.pcap", saved([one.layer for one in ip], RAW))
        link = Ether(src="02:00:00:00:00:07", dst="02:00:00:00:00:01")
        put("ethernet.pcap", saved([link / one.layer for one in ip], ETHERNET))
        self.sandbox.run("mkdir", "/work/bin", timeout=5)
        for name, text in {"pwru": STAND_IN, "sudo": SUDO, "dig": "", "sleep": ""}.items():
            put(f"bin/{name}", text.encode())
            self.sandbox.run("chmod", "+x", f"/work/bin/{name}", timeout=5)
        put("no_kill.sh", NO_KILL.encode())
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.close()

    def __call__(self, draft: Draft) -> frozenset[str]:
        """The checks that may fail; none if the script is right."""
        if "command" in draft.loses:
            return draft.loses
        self.sandbox.put(FILE, draft.text.encode())
        self.sandbox.put("words", b"")
        path = "/work/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        env = {"PATH": path, "BASH_ENV": "/work/no_kill.sh"}
        self.sandbox.run("bash", FILE, env=env, timeout=20)
        told = self.sandbox.run("cat", "/work/words", timeout=5).output.split("\0")[:-1]
        words = list(filter_of(told))
        raw = taken(self.sandbox, "/work/raw.pcap", *words)
        framed = taken(self.sandbox, "/work/ethernet.pcap", *words)
        if framed is None:
            return frozenset({"command"})
        raw = raw or set()
        lost = set(draft.loses)
        if any(is_query(one) and n not in raw for n, one in enumerate(self.packets)):
            lost.add("dns_queries")
        if any(not may_show(self.packets[n]) for n in raw | framed):
            lost.add("only_dns")
        return frozenset(lost)


def filter_of(words: list[str]) -> list[str]:
    """The words that are no options."""
    left, found = list(words), []
    while left:
        one = left.pop(0)
        if one in WITH_VALUE:
            left.pop(0)
        elif not one.startswith("-"):
            found.append(one)
    return found


def is_query(one: Packet) -> bool:
    """A DNS query over UDP to the server, from this host."""
    return (one.version, one.sent, one.protocol, one.other, one.dport) == (
        4, True, "udp", SERVER, PORT)  # fmt: skip


def may_show(one: Packet) -> bool:
    """Whether it is DNS with the server, either way."""
    ports = one.protocol in {"udp", "tcp"} and PORT in {one.sport, one.dport}
    return one.version == 4 and one.other == SERVER and ports
