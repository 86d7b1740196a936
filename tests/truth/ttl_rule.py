"""01c: iptables_ttl.sh."""

from __future__ import annotations

import shlex
from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from truth.draft import Draft, Drawing
from truth.filters import DIRECTED, mutated, rewritten, service, spelled
from truth.hosts import Group, Seen, new_world, observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.world import World
    from truth.filters import Filter
    from truth.hosts import Attempt

FILE, TASK, BUT_FOR = "iptables_ttl.sh", "01c", ""
USUAL = 64
COMPILERS = (
    "nfbpf_compile RAW {}",
    "nfbpf_compile {}",
    "tcpdump -y RAW -ddd {} 2>/dev/null | tr '\\n' ','",
    "tcpdump -y RAW -ddd {} | paste -sd,",
)
DEFAULTS = {
    '"${1:-1}"': "",
    "$TTL": "TTL=${1:-1}",
    '"$ttl"': "ttl=1\nif [ $# -gt 0 ]; then\n    ttl=$1\nfi",
    "${TTL}": '[ -n "$1" ] && TTL=$1 || TTL=1',
    '"$hops"': 'hops="$1"\ntest -z "$hops" && hops=1',
    "$((${1:-1}))": "",
    "$t": "set -- ${1:-1}\nt=$1",
}
NO_DEFAULTS = {"$1": "", '"${1:-2}"': "", '"${1:-64}"': "", "${1-1}0": "", "1": "", "${2:-1}": "",
               '"$ttl"': "ttl=$((${1:-1} + 1))", "$((${1:-2} - 1))": ""}  # fmt: skip
# What is done before the rule is appended; a former call's is there then.
BEFORE = {
    "flushed": "iptables -t mangle -F OUTPUT",
    "all deleted": "while iptables -t mangle -D OUTPUT 1 2>/dev/null; do :; done",
    "a comment": "# the last rule that a packet meets wins",
    "listed": "iptables -t mangle -L OUTPUT -n",
}
AFTER = {
    "accepted": "iptables -t mangle -A OUTPUT -p udp --dport 53 -j ACCEPT",
    "flushed afterwards": "iptables -t mangle -F",
    "all of them": "iptables -t mangle -A OUTPUT -j TTL --ttl-set 64",
    "ICMP, too": "iptables -t mangle -A OUTPUT -p icmp -j TTL --ttl-set 9",
    "answers, too": "iptables -t mangle -A OUTPUT -p udp --sport 53 -j TTL --ttl-set 9",
    "mDNS, too": "iptables -t mangle -A OUTPUT -p udp --dport 5353 -j TTL --ttl-set 9",
    "dropped": "iptables -A OUTPUT -p udp --dport 53 -j DROP",
    "one more": "iptables -t mangle -A OUTPUT -p udp --dport 53 -j TTL --ttl-inc 1",
}
HARMLESS_AFTER = {
    "listed": "iptables -t mangle -S OUTPUT",
    "incoming, too": "iptables -t mangle -A INPUT -p udp --sport 53 -j TTL --ttl-set 9",
    "counted": "iptables -t mangle -A POSTROUTING -p udp --dport 53",
    "accepted in filter": "iptables -A OUTPUT -p udp --dport 53 -j ACCEPT",
}
MISTAKES: dict[str, tuple[str, str]] = {
    "inserted": ("place", "-t mangle -I OUTPUT"),
    "no table": ("place", "-A OUTPUT"),
    "nat": ("place", "-t nat -A OUTPUT"),
    "INPUT": ("place", "-t mangle -A INPUT"),
    "FORWARD": ("place", "-t mangle -A FORWARD"),
    "PREROUTING": ("place", "-t mangle -A PREROUTING"),
    "first only": ("place", "-t mangle -C OUTPUT"),
    "increment": ("set", "--ttl-inc"),
    "decrement": ("set", "--ttl-dec"),
    "hop limit": ("set", "--hl-set"),
    "no match": ("match", ""),
    "plain match": ("match", "-p udp --dport 53"),
    "multiport": ("match", "-p udp -m multiport --dports 53"),
    "u32": ("match", "-p udp -m u32 --u32 '0>>22&0x3C@0&0xFFFF=53'"),
    "for Ethernet": ("compiler", "nfbpf_compile EN10MB {}"),
    "for Ethernet by tcpdump": ("compiler", "tcpdump -y EN10MB -ddd {} | tr '\\n' ','"),
    "in lines": ("compiler", "tcpdump -y RAW -ddd {}"),
    "assembly": ("compiler", "tcpdump -y RAW -d {} | tr '\\n' ','"),
    "as it is": ("compiler", "echo {}"),
    "one host": ("more", "-d 8.8.8.8"),
    "untouched only": ("more", "-m ttl --ttl-eq 64"),
    "new only": ("more", "-m limit --limit 1/hour --limit-burst 1"),
    "of users": ("more", "-m owner --uid-owner 1000"),
    "tcp": ("more", "-p tcp"),
    "loopback": ("more", "-o lo"),
}  # fmt: skip
MORE = ("", "", "-p udp", "-p 17", "-m comment --comment dns", "-p udp -m udp", "! -o lo",
        "-p udp --dport 53", "-m addrtype --src-type LOCAL", "-s 0/0")  # fmt: skip


def parts(drawing: Drawing) -> dict[str, str]:
    """The parts of a right rule."""
    return {
        "place": drawing.one(["-t mangle -A OUTPUT", "-t mangle --append OUTPUT",
                              "--table mangle -A POSTROUTING", "-t mangle -A POSTROUTING"]),
        "set": drawing.one(["--ttl-set", "--ttl-set"]),
        "compiler": drawing.one(COMPILERS),
        "match": drawing.one(["-m bpf --bytecode", "--match bpf --bytecode"]),
        "more": drawing.one(MORE),
    }  # fmt: skip


def script(rule: dict[str, str], text: str, ttl: str, drawing: Drawing) -> str:
    """The file, in one of several shapes."""
    tool = drawing.one(["iptables", "sudo iptables", "iptables-legacy", "iptables-nft"])
    program = f"$({rule['compiler'].format(shlex.quote(text))})"
    head = ""
    if drawing.maybe():
        head, program = f"program={program}\n", drawing.one(["$program", "${program}"])
    if rule["match"].endswith("--bytecode"):
        match = f'{rule["match"]} "{program}"'
    else:
        head, match = "", rule["match"]
    matches = " ".join(drawing.shuffled([one for one in (match, rule["more"]) if one]))
    if "dport" in rule["more"] or "-m udp" in rule["more"]:
        matches = f"{rule['more']} {match}"
    target = f"-j TTL {rule['set']} {ttl}"
    shape = drawing.one(["plain", "plain", "chain", "mark", "lines"])
    if shape == "chain":
        made = f"{tool} -t mangle -N DNS 2>/dev/null\n{tool} -t mangle -F DNS\n"
        made += f"{tool} -t mangle -A DNS {target}\n"
        return f"{head}{made}{tool} {rule['place']} {matches} -j DNS"
    if shape == "mark":
        return (f"{head}{tool} {rule['place']} {matches} -j MARK --set-mark 53\n"
                f"{tool} {rule['place']} -m mark --mark 53 {target}")  # fmt: skip
    gap = " \\\n    " if shape == "lines" else " "
    return head + gap.join([f"{tool} {rule['place']}", matches, target])


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Scripts: some as they should be, others with a mistake in filter, rule, default or around."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    kind = drawing.one(["right", "filter", "rule", "default", "after", "right", "filter", "rule"])
    rule = parts(drawing)
    what: Filter = service("udp", "dst", 53)
    loses: set[str] = set()
    if kind == "filter":
        rule["more"] = ""
        what = mutated(what, drawing, without=DIRECTED)
    what = rewritten(what, drawing, 2)
    defaults = DEFAULTS if kind != "default" else NO_DEFAULTS
    ttl = drawing.one(defaults)
    if kind == "default":
        drawing.note(f"default {ttl}")
    if kind == "rule":
        mistake = drawing.one(MISTAKES)
        name, rule[name] = MISTAKES[mistake]
        drawing.note(mistake)
        loses |= {"bpf_match"} if name == "match" else set()
    before, after = "", ""
    if drawing.maybe(4):
        before = drawing.one(BEFORE)
        drawing.note(before)
    if kind == "after" or drawing.maybe(4):
        known = AFTER if kind == "after" else HARMLESS_AFTER
        after = drawing.one(known)
        drawing.note(after)
        after = known[after]
    lines = ["#!/bin/bash", BEFORE.get(before, ""), defaults[ttl],
             script(rule, spelled(what, drawing), ttl, drawing), after]  # fmt: skip
    return Draft("\n".join(filter(None, lines)) + "\n", tuple(drawing.made), frozenset(loses))


class Oracle:
    """Says which checks a script fails, by the TTLs of packets that are sent past its rule."""

    def __init__(self, machine: Machine, image: Image) -> None:
        self.machine, self.image = machine, image

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, draft: Draft) -> frozenset[str]:
        """The checks that may fail; none if the script is right."""
        rng = Random(draft.text)  # noqa: S311 repeatable, not secret
        with new_world(self.machine, self.image, f"{draft.text} once") as world:
            asked = rng.randint(3, 30)
            called(world, draft, str(asked))
            lost = self.lost(observe(world, groups_of(world, rng)), asked)
        if lost == {"runs"}:
            return frozenset(lost)
        with new_world(self.machine, self.image, f"{draft.text} again") as world:
            for ttl in range(1, 4):
                called(world, draft, *([str(ttl)] if ttl > 1 else []))
                (seen,) = observe(world, [once("dns", question("8.8.8.8", rng))])
                if seen.ttls != [ttl]:
                    lost.add("default_ttl" if ttl == 1 else "goes_through")
        return frozenset(lost | draft.loses)

    def lost(self, seen: list[Seen], asked: int) -> set[str]:
        """The checks that what was seen after one call speaks against."""
        if not seen[0].setters:
            return {"runs"}
        found = set() if seen[0].programs else {"bpf_match"}
        for one in seen:
            if one.name == "dns" and set(one.ttls) != {asked}:
                found.add("sets_ttl")
            if one.name == "other" and set(one.ttls) != {USUAL}:
                found.add("only_dns")
        return found


def called(world: World, draft: Draft, *arguments: str) -> None:
    """Call the script."""
    world.sandbox.put(FILE, draft.text.encode())
    world.sandbox.run("bash", FILE, *arguments, env={"IFACE": "eth0"}, timeout=30)


def question(server: str, rng: Random) -> Attempt:
    """A DNS query."""
    return ("udp", _port(rng), server, 53, False)


def groups_of(world: World, rng: Random) -> list[Group]:
    """DNS queries, and what is none."""
    site = world.addresses("ocw.cs.pub.ro", 4)[0]
    servers = ["8.8.8.8", "8.8.4.4", site, "8.8.8.8"]
    ports = [52, 54, 80, 123, 443, 1053, 5353, 153, 63, 43, rng.randint(1024, 65000)]
    others = [
        *(("udp", _port(rng), rng.choice(servers), port, False) for port in ports),
        ("udp", 53, site, _port(rng), False),
        *(("tcp", _port(rng), "8.8.8.8", port, False) for port in (53, 80, 9)),
        ("tcp", 53, site, 9, False),
        ("icmp", _port(rng), "8.8.8.8", 0, False),
    ]
    first = Group("dns", [question("8.8.8.8", rng)])
    dns = [once("dns", question(one, rng)) for one in servers]
    return [first, *dns, *(once("other", one) for one in others)]


def once(name: str, attempt: Attempt) -> Group:
    """One packet, without a look at the rules."""
    return Group(name, [attempt], counts=False)


def _port(rng: Random) -> int:
    return rng.randint(33000, 60000)
