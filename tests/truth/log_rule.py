"""01b: iptables_log.sh."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from truth.draft import Draft, Drawing
from truth.hosts import Group, Seen, new_world, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.world import World
    from truth.hosts import Attempt

FILE, TASK = "iptables_log.sh", "01b"
BUT_FOR = "log_lines"  # which only a microVM can show
PREFIX = "root-packet: "
LOW, HIGH, BELOW = 49152, 60999, 32768
BURST = 200

RANGES = ("32768:60999", "49152:65535", "32768:65535", "32768:", "49152:", "32768:61000")
OWNERS = ("root", "0", "0-0")
EXTRA = ("-m comment --comment ephemeral", "-m conntrack --ctstate NEW,ESTABLISHED,RELATED,INVALID",
         "-m addrtype --src-type LOCAL", "! -f", "! -p udp", "-s 0.0.0.0/0", "! -d 203.0.113.77",
         "-m conntrack ! --ctstate UNTRACKED", "! -o lo")  # fmt: skip
LOG_EXTRA = ("--log-level 4", "--log-level info", "--log-level warning", "--log-uid",
             "--log-ip-options", "--log-tcp-options", "--log-tcp-sequence")  # fmt: skip
# A change of one part of the rule.
MISTAKES: dict[str, tuple[str, str]] = {
    "destination port": ("ports", "--dport 32768:60999"),
    "one below the range": ("ports", "--sport 32767:60999"),
    "one above its start": ("ports", "--sport 49153:60999"),
    "one below its end": ("ports", "--sport 32768:60998"),
    "unprivileged ports": ("ports", "--sport 1024:65535"),
    "only 32768": ("ports", "--sport 32768"),
    "any port": ("ports", ""),
    "other ports": ("ports", "! --sport 32768:60999"),
    "low ports": ("ports", "--sport 0:32767"),
    "either port": ("ports", "-m multiport --ports 32768:60999"),
    "destination ports by multiport": ("ports", "-m multiport --dports 32768:60999"),
    "only not the well-known": ("ports", "! --sport 0:1023"),
    "two ports": ("ports", "-m multiport --sports 49152,60999"),
    "from 50000": ("ports", "--sport 50000:65535"),
    "to 60000": ("ports", "--sport 32768:60000"),
    "group": ("owner", "-m owner --gid-owner root"),
    "group as well": ("owner", "-m owner --uid-owner root --gid-owner root"),
    "everybody": ("owner", ""),
    "others": ("owner", "-m owner ! --uid-owner root"),
    "user 1000": ("owner", "-m owner --uid-owner 1000"),
    "up to 1000": ("owner", "-m owner --uid-owner 0-1000"),
    "any socket": ("owner", "-m owner --socket-exists"),
    "from 1": ("owner", "-m owner --uid-owner 1-65534"),
    "udp": ("protocol", "-p udp"),
    "not tcp": ("protocol", "! -p tcp"),
    "first packets": ("extra", "--syn"),
    "not first packets": ("extra", "! --syn"),
    "new": ("extra", "-m conntrack --ctstate NEW"),
    "established": ("extra", "-m state --state ESTABLISHED"),
    "pushes": ("extra", "--tcp-flags PSH PSH"),
    "no FIN": ("extra", "--tcp-flags FIN NONE"),
    "limit": ("extra", "-m limit --limit 5/second"),
    "large limit": ("extra", "-m limit --limit 10/minute --limit-burst 100"),
    "hash limit": ("extra", "-m hashlimit --hashlimit-upto 20/sec --hashlimit-name x"),
    "every other": ("extra", "-m statistic --mode nth --every 2"),
    "all but every hundredth": ("extra", "-m statistic --mode nth ! --every 100"),
    "short ones": ("extra", "-m length --length 0:500"),
    "long ones": ("extra", "-m length --length 100:65535"),
    "loopback": ("extra", "-o lo"),
    "to port 80": ("extra", "--dport 80"),
    "not to port 80": ("extra", "! --dport 80"),
    "another mark": ("extra", "-m mark --mark 77"),
    "up to ten packets": ("extra", ("-m connbytes --connbytes 0:2 --connbytes-dir original "
                          "--connbytes-mode packets")),
    "one host": ("extra", "-d 8.8.8.8"),
    "low TTL": ("extra", "-m ttl --ttl-lt 64"),
    "no prefix": ("prefix", ""),
    "no space": ("prefix", "--log-prefix 'root-packet:'"),
    "unquoted": ("prefix", "--log-prefix root-packet: "),
    "no colon": ("prefix", "--log-prefix 'root-packet '"),
    "capital": ("prefix", "--log-prefix 'Root-packet: '"),
    "underscore": ("prefix", "--log-prefix 'root_packet: '"),
    "two spaces": ("prefix", "--log-prefix 'root-packet:  '"),
    "plural": ("prefix", "--log-prefix 'root-packets: '"),
    "space before": ("prefix", "--log-prefix ' root-packet: '"),
    "NFLOG": ("target", "-j NFLOG --nflog-prefix 'root-packet: '"),
    "ACCEPT": ("target", "-j ACCEPT"),
    "DROP": ("target", "-j DROP"),
    "nat": ("place", "-t nat -A OUTPUT"),
    "INPUT": ("place", "-A INPUT"),
    "FORWARD": ("place", "-A FORWARD"),
    "POSTROUTING": ("place", "-t mangle -A POSTROUTING"),
    "PREROUTING": ("place", "-t raw -A PREROUTING"),
    "deleted": ("place", "-D OUTPUT"),
}  # fmt: skip
AROUND = {
    "dropped afterwards": ("", "iptables -A OUTPUT -p tcp --sport 32768:60999 -j DROP"),
    "all is dropped": ("", "iptables -P OUTPUT DROP"),
    "others are dropped": ("", "iptables -A OUTPUT -m owner ! --uid-owner root -j DROP"),
    "UDP is dropped": ("", "iptables -A OUTPUT -p udp -j DROP"),
    "answers are dropped": ("", "iptables -A INPUT -p tcp -j DROP"),
    "accepted before": ("iptables -A OUTPUT -p tcp -j ACCEPT", ""),
    "established accepted before":
        ("iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", ""),
    "flushed": ("", "iptables -F"),
    "low ports, too": ("", "iptables -A OUTPUT -p tcp --sport 80 -j LOG --log-prefix 'low: '"),
    "users, too": ("", "iptables -A OUTPUT -p tcp --sport 32768: -m owner ! --uid-owner 0 -j LOG"),
}  # fmt: skip
HARMLESS = {
    "established accepted afterwards":
        ("", "iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    "flushed before": ("iptables -F OUTPUT", ""),
    "incoming is logged, too": ("", "iptables -A INPUT -p icmp -j LOG --log-prefix 'ping: '"),
    "another rule before": ("iptables -A OUTPUT -p icmp -j ACCEPT", ""),
    "IPv6, too": ("", ("ip6tables -A OUTPUT -p tcp --sport 32768:60999 -m owner --uid-owner root "
                  "-j LOG --log-prefix 'root-packet: '")),
    "listed": ("", "iptables -L OUTPUT -n -v"),
}  # fmt: skip


def parts(drawing: Drawing) -> dict[str, str]:
    """The parts of a right rule, each in some spelling."""
    sport = drawing.one(["--sport", "--source-port", "-m tcp --sport", "-m multiport --sports",
                         "-m multiport --source-ports", "! --sport"])  # fmt: skip
    ports = f"{sport} {drawing.one(RANGES)}"
    if sport == "! --sport":
        ports = drawing.one(["! --sport 0:32767", "! --sport :32767", "! --sport 0:49151"])
    elif "multiport" in sport:
        ports = f"{sport} {drawing.one(['32768:60999', '49152:65535', '32768:50000,50001:65535'])}"
    tables = ["", "", "-t filter ", "-t mangle ", "-t raw "]
    ways = ["-A OUTPUT", "--append OUTPUT", "-I OUTPUT", "-I OUTPUT 1", "--insert OUTPUT"]
    prefix = drawing.one(
        [
            "--log-prefix 'root-packet: '",
            '--log-prefix "root-packet: "',
            "--log-prefix root-packet:\\ ",
            "--log-prefix='root-packet: '",
        ]
    )
    return {
        "place": drawing.one(tables) + drawing.one(ways),
        "protocol": drawing.one(["-p tcp", "-p 6", "--protocol tcp", "--proto tcp", "-p TCP"]),
        "ports": ports,
        "owner": f"-m owner --uid-owner {drawing.one(OWNERS)}",
        "extra": " ".join(drawing.one(EXTRA) for _ in range(drawing.number(0, 1))),
        "target": drawing.one(["-j LOG", "--jump LOG"]),
        "prefix": prefix,
        "log": " ".join(drawing.one(LOG_EXTRA) for _ in range(drawing.number(0, 1))),
    }


def in_order(rule: dict[str, str], drawing: Drawing) -> tuple[list[str], list[str]]:
    """The matches of a rule, the protocol before what needs it, and its target."""
    matches = drawing.shuffled([rule["ports"], rule["owner"], rule["extra"]])
    if rule["target"].endswith("LOG") and "NFLOG" not in rule["target"]:
        log = drawing.shuffled([rule["prefix"], rule["log"]])
    else:
        log = []
    matches = [rule["protocol"], *matches]
    target = [rule["target"], *log]
    return [one for one in matches if one], [one for one in target if one]


def script(rule: dict[str, str], drawing: Drawing) -> str:
    """The file, in one of several shapes."""
    tool = drawing.one(["iptables", "iptables", "sudo iptables", "iptables-legacy", "iptables-nft",
                        "/usr/sbin/iptables", "iptables -w"])  # fmt: skip
    matches, target = in_order(rule, drawing)
    chosen, done = " ".join(matches), " ".join(target)
    table = re.match(r"(-t \w+ )?", rule["place"])[0]  # type: ignore[index]
    append = rule["place"].removeprefix(table)
    plain = f"{tool} {table}{append} {chosen} {done}"
    chain = f"{tool} {table}-N ROOTS\n{tool} {table}-A ROOTS"
    marked = append.replace("-I OUTPUT 1", "-A OUTPUT")
    restore = "iptables-legacy-restore" if "legacy" in tool else "iptables-restore"
    shapes = {
        "plain": plain,
        "lines": plain.replace(" -m ", " \\\n    -m ").replace(" -j ", " \\\n    -j "),
        "chain": f"{chain} {done}\n{tool} {table}{append} {chosen} -j ROOTS",
        "two steps": f"{chain} {chosen} {done}\n{tool} {table}{append} {matches[0]} -j ROOTS",
        "mark": f"{tool} -t mangle -A OUTPUT {chosen} -j MARK --set-mark 6\n"
        f"{tool} {marked} -m mark --mark 6 {done}",
        "restore": f"{restore} --noflush <<'END'\n*{(table or '-t filter').split()[1]}\n"
        f"{append} {chosen} {done}\nCOMMIT\nEND",
    }
    if "-D" in append:
        return f"{plain.replace('-D', '-A')}\n{plain}"
    return shapes[drawing.one(["plain", *shapes])]


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Scripts: some as they should be, others with a mistake in the rule or around it."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    rule = parts(drawing)
    kind = drawing.one(["right", "rule", "rule", "around", "right"])
    if kind == "rule":
        mistake = drawing.one(MISTAKES)
        name, text = MISTAKES[mistake]
        rule[name] = text
        drawing.note(mistake)
    before = after = ""
    if kind == "around" or drawing.maybe(3):
        known = AROUND if kind == "around" else HARMLESS
        mistake = drawing.one(known)
        before, after = known[mistake]
        drawing.note(mistake)
    text = "\n".join(filter(None, ["#!/bin/bash", before, script(rule, drawing), after]))
    return Draft(text + "\n", tuple(drawing.made))


class Oracle:
    """Says which checks a script fails, by what iptables lists while packets are sent past it."""

    def __init__(self, machine: Machine, image: Image) -> None:
        self.machine, self.image = machine, image

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, draft: Draft) -> frozenset[str]:
        """The checks that may fail; none if the script is right."""
        with new_world(self.machine, self.image, draft.text) as world:
            world.sandbox.put(FILE, draft.text.encode())
            world.sandbox.run("bash", FILE, env={"IFACE": "eth0"}, timeout=30)
            rng = Random(draft.text)  # noqa: S311 repeatable, not secret
            return frozenset(judged(observe(world, groups_of(world, rng))))


def groups_of(world: World, rng: Random) -> list[Group]:
    """What is sent: by whom, from which ports, and which check it is for."""
    site, google = world.addresses("ocw.cs.pub.ro", 4)[0], "8.8.8.8"
    ports = iter(rng.sample(range(LOW + 1, HIGH), BURST + 40))

    def knocks(sport: int) -> list[Attempt]:
        """To ports where nobody listens, one of them a high one."""
        hosts = rng.sample([site, google], 2)
        return [("tcp", sport, *to, False) for to in zip(hosts, (9, 33434), strict=True)]

    def page(sport: int) -> list[Attempt]:
        return [("tcp", sport, site, 80, True)]

    burst = [knocks(next(ports))[0] for _ in range(BURST)]
    low = [80, 1023, BELOW - 1, rng.randrange(1025, BELOW)]
    to_high: Attempt = ("tcp", rng.randrange(1025, BELOW), site, next(ports), False)
    return [
        *(Group("single", knocks(port)) for port in (LOW, HIGH, next(ports), next(ports))),
        Group("single", knocks(next(ports)), gid=1000),
        Group("whole", page(next(ports))),
        Group("whole", burst),
        Group("only_root", page(next(ports)), 1000, 1000),
        Group("only_root", page(next(ports)), 1000, 0),
        Group("only_tcp", [("udp", next(ports), google, 53, True)]),
        *(Group("only_ephemeral", knocks(port)) for port in low),
        Group("only_ephemeral", [to_high]),
        Group("passes", page(1024)),
    ]


def judged(seen: Sequence[Seen]) -> set[str]:
    """The checks that speak against what was seen."""
    if not seen[0].rules:
        return {"runs"}
    wanted = [one for one in seen if one.name in {"single", "whole"}]
    # A rule that counts nothing is judged by its words alone.
    prefixes = {prefix for one in wanted for prefix in one.logged} or seen[0].prefixes
    lost = {"prefix"} if prefixes - {PREFIX} else set()
    for one in seen:
        if one.answered < one.awaited:
            lost.add("passes")
        sent = max(len(one.ttls), one.tries)
        if one.name == "single" and one.count < sent:
            lost |= {"logs_root_tcp", "every_packet"}
        if one.name == "whole" and one.count < sent:
            lost.add("every_packet")
        if one.name.startswith("only_") and one.count + one.elsewhere:
            lost.add(one.name)
    return lost
