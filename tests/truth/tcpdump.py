"""01a: tcpdump.sh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from grader.sandbox import Sandbox
from truth.draft import Draft, Drawing
from truth.filters import Pair, Service, Word, mutated, rewritten, service, spelled
from truth.packets import COOKED, cooked, drawn, places, saved
from truth.shell import broken, quoted, quoted_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image
    from grader.machine.client import Machine
    from truth.filters import Filter
    from truth.packets import Packet

FILE, TASK, BUT_FOR = "tcpdump.sh", "01a", ""
# Every option that is asked for, in its spellings.
WANTED = {
    "interface": (["-i", '"$IFACE"'], ["-i", "eth0"], ["-ieth0"], ["--interface", "$IFACE"],
                  ["--interface=eth0"], ["-i", "any"]),
    "numbers": (["-n"], ["-nn"], ["-n", "-n"]),
    "count": (["-#"], ["--number"], ["'-#'"]),
    "nano": (["--nano"], ["--time-stamp-precision=nano"], ["--time-stamp-precision", "nano"]),
    "first": (["-ttttt"], ["-t", "-tttt"], ["-tt", "-ttt"], ["-t", "-t", "-t", "-t", "-t"]),
    "dump": (["-X"],),
}  # fmt: skip
CLUSTERS = (["-n#Xttttt"], ["-#nX", "-ttttt"], ["-tttttnX#"], ["-lnttttt#X"], ["-Xn#tttttv"])
HARMLESS = (["-l"], ["-v"], ["-q"], ["-K"], ["-S"], ["-p"], ["-s", "0"], ["-s262144"], ["-N"],
            ["-B", "4096"], ["--immediate-mode"], ["-e"], ["-U"], ["-O"], ["-vv"], ["-u"],
            ["--print"])  # fmt: skip
# A change of an option, and the checks that are lost by it.
MISTAKES: dict[str, tuple[str, list[str], set[str]]] = {
    "names": ("numbers", [], {"no_names"}),
    "only domains cut off": ("numbers", ["-N"], {"no_names"}),
    "no number": ("count", [], {"numbered"}),
    "absolute sequence numbers": ("count", ["-S"], {"numbered"}),
    "microseconds": ("nano", [], {"nanoseconds"}),
    "micro": ("nano", ["--micro"], {"nanoseconds"}),
    "time of day": ("first", [], {"nanoseconds"}),
    "no time": ("first", ["-t"], {"nanoseconds"}),
    "since 1970": ("first", ["-tt"], {"nanoseconds"}),
    "since the previous one": ("first", ["-ttt"], {"nanoseconds"}),
    "date": ("first", ["-tttt"], {"nanoseconds"}),
    "hex alone": ("dump", ["-x"], {"hex_ascii"}),
    "link header": ("dump", ["-XX"], {"hex_ascii"}),
    "hex with link header": ("dump", ["-xx"], {"hex_ascii"}),
    "ASCII alone": ("dump", ["-A"], {"hex_ascii"}),
    "no dump": ("dump", [], {"hex_ascii"}),
    "cut off": ("dump", ["-X", "-s", "64"], {"hex_ascii"}),
    "the first five": ("dump", ["-X", "-c", "5"], {"runs"}),
    "to a file": ("dump", ["-X", "-w", "/tmp/packets.pcap"], {"runs"}),
    "compiled only": ("dump", ["-X", "-d"], {"runs"}),
    "another interface": ("interface", ["-i", "lo"], {"runs"}),
    "incoming packets only": ("interface", ["-i", "eth0", "-Q", "in"],
                              {"ntp_queries", "ipv6", "runs"}),
    "outgoing packets only": ("interface", ["-i", "eth0", "-Q", "out"],
                              {"http_responses", "https_responses", "ipv6", "runs"}),
}  # fmt: skip
# What is harmless else, but would undo these mistakes.
SPOILED = {"cut off": ("-s",), "to a file": ("--print",)}
# Stand-ins: the filter as the script hands it over, run over a file.
STAND_IN = (
    '#!/bin/sh\nexec /usr/bin/tcpdump -Z root -r /work/packets.pcap -w /work/taken.pcap "$@"\n'
)
SUDO = '#!/bin/sh\nexec "$@"\n'
PACKETS = 3000


def meaning(drawing: Drawing) -> Filter:
    """What is asked for, with directions or without, in any order."""
    queries: Filter = service("udp", "dst", 123)
    if drawing.maybe():
        queries = Pair("and", queries, Word("outbound"))
    http, https = service("tcp", "src", 80), service("tcp", "src", 443)
    if drawing.maybe():
        responses: Filter = Pair("or", http, https)
        if drawing.maybe():
            responses = Pair("and", Word("inbound"), responses)
    else:
        ports = Pair("or", Service("", "src", 80, 80), Service("", "src", 443, 443))
        responses = Pair("and", Word("tcp"), ports)
    return Pair("or", queries, responses)


def options(drawing: Drawing, mistake: str | None) -> tuple[list[list[str]], set[str]]:
    """The options, each with its value; what is lost by the mistake in them."""
    if mistake is None and drawing.maybe(3):
        chosen = [drawing.one(WANTED["interface"]), drawing.one(WANTED["nano"])]
        chosen.append(drawing.one(CLUSTERS))
        lost: set[str] = set()
    else:
        by_name = {name: drawing.one(ways) for name, ways in WANTED.items()}
        lost = set()
        if mistake is not None:
            name, by_name[name], lost = MISTAKES[mistake]
        chosen = [words for words in by_name.values() if words]
    spoils = SPOILED.get(mistake or "", ())
    beside = [words for words in HARMLESS if not words[0].startswith(spoils or "?")]
    chosen += [drawing.one(beside) for _ in range(drawing.number(0, 2))]
    return drawing.shuffled(chosen), lost


def script(command: list[list[str]], text: str, drawing: Drawing) -> str:
    """The file, in one of the ways in which people write such a thing."""
    before = drawing.one(["", "sudo ", "exec ", "sudo -E ", "LC_ALL=C "])
    flat = [word for words in command for word in words]
    way = drawing.one(["at the end", "first", "variable", "file", "function", "array"])
    head = drawing.one(["#!/bin/bash\n", "", "#!/bin/sh\n# what passes\n", "set -eu\n"])
    tail = drawing.one(["\n", "", " 2>/dev/null\n", " 2>&1\n"])
    if way == "first":
        return head + before + broken(["tcpdump", quoted(text, drawing), *flat], drawing) + tail
    if way == "variable":
        head += f"FILTER={quoted_once(text)}\n"
        last = drawing.one(['"$FILTER"', '"${FILTER}"'])
        return head + before + broken(["tcpdump", *flat, last], drawing) + tail
    if way == "file":
        lines = drawing.one([text, text.replace(" or ", "\nor "), f"{text}\n"])
        head += f"cat > /tmp/filter <<'END'\n{lines}\nEND\n"
        return head + before + broken(["tcpdump", *flat, "-F", "/tmp/filter"], drawing) + tail
    if way == "function":
        body = broken(["tcpdump", '"$@"', *flat], drawing)
        return head + f"watch() {{\n    {body}\n}}\nwatch {quoted(text, drawing)}" + tail
    if way == "array":
        head = "#!/bin/bash\n" + f"what=({' '.join(flat)})\n"
        return head + before + 'tcpdump "${what[@]}" ' + quoted(text, drawing) + tail
    return head + before + broken(["tcpdump", *flat, quoted(text, drawing)], drawing) + tail


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Scripts: half of them as they should be, the others with a mistake or two."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    kind = drawing.one(["right", "filter", "option", "right", "filter", "both"])
    what = meaning(drawing)
    if kind in {"filter", "both"}:
        what = mutated(what, drawing)
    what = rewritten(what, drawing)
    mistake = drawing.one(MISTAKES) if kind in {"option", "both"} else None
    command, lost = options(drawing, mistake)
    if mistake:
        drawing.note(mistake)
    text = script(command, spelled(what, drawing), drawing)
    return Draft(text, tuple(drawing.made), frozenset(lost))


class Oracle:
    """Says which checks a script fails, by what tcpdump takes of random packets in a file."""

    def __init__(self, machine: Machine, _: Image) -> None:
        self.sandbox = Sandbox(machine)
        self.packets = drawn(PACKETS, "01a")

    def __enter__(self) -> Oracle:
        self.sandbox.__enter__()
        self.sandbox.put("packets.pcap", saved([cooked(one) for one in self.packets], COOKED))
        self.sandbox.run("mkdir", "/work/bin", timeout=5)
        for name, text in {"tcpdump": STAND_IN, "sudo": SUDO}.items():
            self.sandbox.put(f"bin/{name}", text.encode())
        self.sandbox.run("chmod", "+x", "/work/bin/tcpdump", "/work/bin/sudo", timeout=5)
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.close()

    def __call__(self, draft: Draft) -> frozenset[str]:
        """The checks that may fail; none if the script is right."""
        if "runs" in draft.loses and len(draft.loses) == 1:
            return draft.loses
        self.sandbox.put(FILE, draft.text.replace("sudo -E", "sudo").encode())
        self.sandbox.put("taken.pcap", b"")
        path = "/work/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        done = self.sandbox.run("bash", FILE, env={"PATH": path, "IFACE": "eth0"}, timeout=20)
        if done.exit != 0:
            return frozenset({"runs"})
        taken = self.sandbox.run("cat", "/work/taken.pcap", timeout=5).stdout
        return draft.loses | self.lost(places(taken))

    def lost(self, taken: set[int]) -> set[str]:
        """The checks that what was taken of the packets speaks against."""
        missed = {kind for n, one in enumerate(self.packets) if n not in taken and
                  (kind := wanted(one))}  # fmt: skip
        extra = any(not may_show(self.packets[n]) for n in taken)
        found = {"decoys"} if extra else set()
        found |= {check for check, version in missed if version == 4}
        over_6 = {check for check, version in missed if version == 6}
        every = {"ntp_queries", "http_responses", "https_responses"}
        if over_6 or every <= found:
            found.add("ipv6")
        if every <= found:
            found.add("runs")
        return found


def wanted(one: Packet) -> tuple[str, int] | None:
    """The check that wants this packet to be shown, and its version."""
    if one.later_fragment:
        return None
    if one.sent and (one.protocol, one.dport) == ("udp", 123):
        return "ntp_queries", one.version
    if not one.sent and one.protocol == "tcp" and one.payload:
        return {80: ("http_responses", one.version), 443: ("https_responses", one.version)}.get(
            one.sport
        )
    return None


def may_show(one: Packet) -> bool:
    """Whether it does no harm to show it: wanted, without data, or of a server's own host."""
    if one.later_fragment:
        return False
    ntp = (one.protocol, one.dport) == ("udp", 123)
    return ntp or (one.protocol == "tcp" and one.sport in {80, 443})
