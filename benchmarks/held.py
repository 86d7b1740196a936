"""What a grader and all that it has started hold of this host: to be compared, before and after."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Held:
    """Counts over this process and those below it, and cgroups below its own.

    Namespaces are counted that a process is in or an open file holds.
    """

    processes: int
    threads: int
    descriptors: int
    namespaces: int
    cgroups: int

    @classmethod
    def now(cls) -> Held:
        """As it stands."""
        all_of_them = [os.getpid(), *below()]
        namespaces: set[str] = set()
        descriptors = threads = 0
        for pid in all_of_them:
            opened = _links(PROC / f"{pid}/fd")
            descriptors += len(opened)
            found = [*opened, *_links(PROC / f"{pid}/ns")]
            namespaces |= {link for link in found if ":[" in link and not _anonymous(link)}
            with suppress(OSError):
                threads += sum(1 for _ in (PROC / f"{pid}/task").iterdir())
        return cls(len(all_of_them), threads, descriptors, len(namespaces), len(cgroups()))

    def growth(self, since: Held) -> dict[str, int]:
        """What there is more than before, by its name; what was just ending then may be less."""
        pairs = (
            (one.name, getattr(self, one.name), getattr(since, one.name)) for one in fields(self)
        )
        return {name: now - then for name, now, then in pairs if now > then}


@dataclass(frozen=True)
class Memory:
    """Resident memory of this process, and of all below it, in MiB; and the latter's shares."""

    grader: float
    agents: float
    shares: float

    @classmethod
    def now(cls) -> Memory:
        """As it stands (proc_pid_smaps(5))."""
        started = [_rollup(pid) for pid in below()]
        rss, pss = (sum(one.get(name, 0.0) for one in started) for name in ("Rss", "Pss"))
        return cls(_rollup(os.getpid())["Rss"], rss, pss)


def below() -> list[int]:
    """The ids of all processes below this one."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            text = entry.read_text(encoding="ascii", errors="replace")
            children[int(text.rpartition(")")[2].split()[1])].append(int(entry.parent.name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        more = children[todo.pop()]
        found += more
        todo += more
    return found


def available_mib() -> float:
    """What this host has left (MemAvailable of proc(5))."""
    lines = (PROC / "meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable"))


def _links(folder: Path) -> list[str]:
    """Where the links in a folder of /proc lead; a process that has ended has none."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                found.append(str(path.readlink()))
    return found


def _anonymous(link: str) -> bool:
    """Whether it leads to what has no name either, but is no namespace."""
    return link.startswith(("pipe:", "socket:", "anon_inode:"))


def _rollup(pid: int) -> dict[str, float]:
    """A process's memory in MiB, by the kernel's names; nothing if it has ended."""
    with suppress(OSError):
        lines = (PROC / f"{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        return {line.partition(":")[0]: int(line.split()[-2]) / 1024 for line in lines}
    return {}


def cgroups() -> set[str]:
    """The cgroups below this process's own but containers'; others come and go all the time."""
    found: set[str] = set()
    for line in (PROC / "self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        name = controllers.removeprefix("name=") or "unified"
        top = CGROUPS / name if (CGROUPS / name).is_dir() else CGROUPS
        found |= {folder for folder, _, _ in os.walk(top / path.lstrip("/"))}
    return {folder for folder in found if "docker" not in folder}
