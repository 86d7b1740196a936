"""pwru's command line: which packets it asks for, which timestamps, and how it is found out.

Options are those of all versions, since students build what is newest and read what is older. Until
0.0.9 a packet was described by options (--filter-dst-ip and so on), since 1.0 by a pcap filter.

Source: cilium/pwru, README.md and internal/pwru/types.go (SetFlags) of its versions; spf13/pflag.
"""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from grader.errors import CheckFailed

STAND_IN = Path(__file__).with_name("stand_in.py")
CALLS = "/dev/shm/pwru-calls"  # noqa: S108 in a sandbox of its own
SWITCHES = frozenset(
    re.findall(
        r"\S+",
        """help version all-kmods filter-track-skb filter-track-skb-by-stackid filter-trace-tc
    filter-trace-xdp filter-track-bpf-helpers output-meta output-tuple output-skb
    output-skb-shared-info output-tunnel output-stack output-caller output-skb-cb output-json
    output-tcp-flags output-relative-timestamp output-netns-names output-bpfmap
    output-file-compress""",
    )
)
WITH_VALUE = frozenset(
    re.findall(
        r"\S+",
        """kernel-btf kmods filter-func filter-non-skb-funcs filter-netns filter-mark
    filter-tunnel-pcap-l2 filter-tunnel-pcap-l3 filter-ifname filter-kprobe-batch filter-skb-expr
    filter-xdp-expr timestamp output-limit-lines output-skb-metadata output-xdp-metadata
    output-file ready-file backend set-percpu-buf per-cpu-buffer filter-proto filter-src-ip
    filter-dst-ip filter-src-port filter-dst-port filter-port""",
    )
)
# How the old options are said in a pcap filter.
OLD_FILTERS = {
    "filter-proto": "{}",
    "filter-src-ip": "src host {}",
    "filter-dst-ip": "dst host {}",
    "filter-src-port": "src port {}",
    "filter-dst-port": "dst port {}",
    "filter-port": "port {}",
}
# The first version's, which had Go's own syntax: one dash will do.
FIRST_OPTIONS = {*OLD_FILTERS, "filter-mark", "output-relative-timestamp", "output-meta"} | {
    "output-tuple",
    "output-skb",
}
FALSE = {"0", "f", "F", "false", "FALSE", "False"}
NEWER = re.compile(r"(output|filter|netns)-[a-z0-9-]+\Z")
CONTAINERS = {"docker", "podman", "nerdctl"}
# What a script may do first that cannot be done in a sandbox, and need not be.
PREPARATIONS = {
    *("systemctl", "systemd-resolve", "resolvectl", "mount", "modprobe", "snap"),
    *("apt", "apt-get", "git", "make", "go"),
}
# What runs a command elsewhere: on another terminal, in a machine that is there.
LAUNCHERS = {
    *("tmux", "screen", "xterm", "gnome-terminal", "konsole", "ssh", "vagrant", "multipass"),
    *("lima", "limactl", "wsl", "kubectl"),
}
STARTERS = CONTAINERS | LAUNCHERS
CONTAINER_VALUES = {
    *("-v", "--volume", "--name", "--network", "--net", "--pid", "-e", "--env", "-w", "--workdir"),
    *("--mount", "-h", "--hostname", "-u", "--user", "--cap-add", "--label", "-l", "--platform"),
}
OPERATOR = re.compile(r"[();<>|&]+\Z|2\Z")
IMAGE = re.compile(r"(?:\S*/)?pwru(?:[:@]\S+)?\Z")
PAGE = "pwru --help; https://github.com/cilium/pwru"
# Where a script may look for pwru: below these folders, which in its sandbox are fresh memory.
FOLDERS = ("/usr/local/bin", "/usr/local/sbin", "/opt", "/root", "/home")
MOST_PLACES = 20
PLACE = re.compile(r"(?:~|\$HOME|\$\{HOME\}|\.{1,2}|/)?[\w.+@/-]*/pwru(?![\w./-])")
CHANGE = re.compile(r"\bcd\s+[\"']?((?:~|\$HOME|\$\{HOME\}|/|[\w.])[\w.+@/-]*)")


@dataclass(frozen=True)
class Command:
    """One call of pwru: its options by name, and the pcap filter."""

    options: dict[str, str]
    filter: str
    shown: str

    @property
    def traces(self) -> bool:
        """Whether it is more than a look at the help or the version."""
        return not {"help", "version"} & {name for name in self.options if self.has(name)}

    def has(self, switch: str) -> bool:
        """Whether a switch is on."""
        return switch in self.options and self.options[switch] not in FALSE

    @property
    def relative(self) -> bool:
        """Whether relative timestamps are asked for, in the form of any version."""
        wanted = self.options.get("timestamp") == "relative"
        return wanted or self.has("output-relative-timestamp")


def read_calls(record: bytes) -> list[list[str]]:
    """The calls that the stand-in noted, each with what it was called as. Damage ends the list."""
    parts = record.decode(errors="replace").split("\0")
    calls, position = [], 0
    while position < len(parts) and re.fullmatch(r"\d{1,6}", parts[position]):
        size = int(parts[position])
        calls.append(parts[position + 1 : position + 1 + size])
        position += 1 + size
    return calls


def pwru_arguments(call: list[str]) -> list[str] | None:
    """What pwru itself is given, perhaps in a container; None if the call does not start it."""
    name, *arguments = call or [""]
    program = name.rpartition("/")[2]
    if program in CONTAINERS and "run" in arguments:
        return _in_container(arguments)
    if program in LAUNCHERS or (program in CONTAINERS and "exec" in arguments):
        return _elsewhere(arguments)
    return None if program in CONTAINERS | PREPARATIONS else arguments


def _in_container(arguments: list[str]) -> list[str] | None:
    """What follows pwru's image."""
    for number, (before, one) in enumerate(zip(["", *arguments], arguments, strict=False)):
        if before not in CONTAINER_VALUES and IMAGE.match(one):
            rest = arguments[number + 1 :]
            return _elsewhere(rest) if _elsewhere(rest) is not None else rest
    return None


def _elsewhere(arguments: list[str]) -> list[str] | None:
    """What follows pwru's name, which is an argument, or a word of one that is a shell's line."""
    for number, one in enumerate(arguments):
        if _is_pwru(one):
            return arguments[number + 1 :]
        words = _words(one) if "pwru" in one and " " in one else []
        found = next((place for place, word in enumerate(words) if _is_pwru(word)), None)
        if found is not None:
            rest = words[found + 1 :]
            end = next((place for place, word in enumerate(rest) if OPERATOR.match(word)), None)
            return rest[:end]
    return None


def _is_pwru(word: str) -> bool:
    return word.rpartition("/")[2] == "pwru"


def _words(line: str) -> list[str]:
    """A shell's words, and operators as words of their own; none if a quote is open."""
    reader = shlex.shlex(line[:4096], posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        return list(reader)
    except ValueError:
        return []


def parse(arguments: list[str]) -> Command:
    """Read a command line as pwru does. Raises CheckFailed for one that it refuses."""
    options: dict[str, str] = {}
    words: list[str] = []
    left = list(arguments)
    while left:
        one = left.pop(0)
        if one == "--":
            words += left
            break
        if one == "-" or not one.startswith("-"):
            words.append(one)
            continue
        name, equals, value = one.lstrip("-").partition("=")
        name = "help" if one == "-h" else name
        _must_be_known(name, one)
        if name in WITH_VALUE and not equals:
            if not left:
                raise CheckFailed(f"pwru's option {one} needs a value, found none", hint=PAGE)
            value = left.pop(0)
        options[name] = value if equals or name in WITH_VALUE else "true"
    if options.get("output-json", "0") not in FALSE:
        raise CheckFailed("pwru is asked for JSON; the traces are to be its text", hint=PAGE)
    old = [form.format(options[name]) for name, form in OLD_FILTERS.items() if name in options]
    if old and words:
        raise CheckFailed(
            f"a pcap filter and options such as --{next(n for n in OLD_FILTERS if n in options)} "
            "in one call: versions before 1.0 know the options only, later ones the filter only",
            hint="as in pwru 1.0: pwru [options] 'pcap filter'",
        )
    # Any name is a command to a shell in a message, so it is shown quoted.
    shown = " ".join(["pwru", *(f"'{one}'" if re.search(r"\W", one) else one for one in arguments)])
    return Command(options, " and ".join(old) or " ".join(words), shown[:400])


def _must_be_known(name: str, written: str) -> None:
    known = SWITCHES | WITH_VALUE
    single = not written.startswith("--") and written != "-h"
    if name in known and (not single or name in FIRST_OPTIONS):
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    if not near and not single and NEWER.match(name):
        return  # of a version that is newer than this
    hint = f"did you mean --{near[0]}? " if near else ""
    raise CheckFailed(f"pwru has no option {written.partition('=')[0]!a}", hint=hint + PAGE)


def places(script: str, complaints: str = "") -> list[str]:
    """Where the script's text, or what was said of its run, has pwru: the stand-in is to be there.

    Only places outside of PATH, in folders that are the sandbox's own.
    """
    found = {_absolute(one) for one in PLACE.findall(f"{script}\n{complaints}")}
    for folder in map(_absolute, CHANGE.findall(script)):
        if "./pwru" in script or folder.endswith("/pwru"):
            found.add(f"{folder}/pwru")
    standing = ("/work/", *(f"{folder}/" for folder in FOLDERS))
    found = {path if path.startswith(standing) else f"/root{path}" for path in found}
    folders = {path.rpartition("/")[0] for path in found}
    return sorted(found - folders)[:MOST_PLACES]


def _absolute(path: str) -> str:
    home = re.sub(r"\A(~|\$HOME|\$\{HOME\})(?=/|\Z)", "/root", path)
    whole = home if home.startswith("/") else f"/work/{home}"
    parts: list[str] = []
    for part in whole.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)
