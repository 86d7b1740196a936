"""This host before a run and after it: whatever a submission did, it is the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.held import cgroups
from grader.deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = [["iptables-save"], ["ip6tables-save"], ["nft", "list", "ruleset"]]
SHOWN = [["ip", "-o", "link"], ["ip", "-o", "addr"], ["ip", "route"], ["ip", "-6", "route"]]


def said(within: list[str], argv: list[str]) -> str:
    """What a program prints, if the host has it; without lifetimes and counters, which change."""
    if shutil.which(argv[0]) is None:
        return ""
    done = subprocess.run([*within, *argv], capture_output=True, text=True, check=False)
    text = done.stdout
    lines = (line.partition(" valid_lft ")[0] for line in text.splitlines())
    return "\n".join(line for line in lines if not line.startswith("#"))


def sysctls() -> dict[str, str]:
    """A few settings of this host that a world has of its own, or a submission may try to make."""
    names = (
        "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/icmp_echo_ignore_all",
        "kernel/core_pattern", "kernel/sysrq", "kernel/modprobe", "kernel/hostname",
    )  # fmt: skip
    paths = (Path("/proc/sys", name) for name in names)
    return {str(path): path.read_text(encoding="ascii") for path in paths if path.exists()}


class Host:
    """The host of a run before it, to be compared with the host after it.

    For root it has a network and mounts that no other program of this machine changes meanwhile.
    """

    def __init__(self, within: list[str]) -> None:
        self.within = within
        self.before = self.now()

    def now(self) -> dict[str, object]:
        """What must not change: links, addresses, routes, rules, mounts, cgroups, settings."""
        shown = [*SHOWN, *RULES, ["cat", "/proc/self/mountinfo"]]
        found: dict[str, object] = {" ".join(argv): said(self.within, argv) for argv in shown}
        assert found["ip -o link"]
        return found | {"cgroups": cgroups(), "sysctls": sysctls()}

    def assert_unchanged(self, mine: set[int], temporary: Path) -> None:
        """Nothing changed, and of the run neither processes nor files are left.

        A namespace lives as long as a process is in it, or a mount or an open file holds it: with
        no process left and no mount more there is none. Their numbers are given out anew.
        """
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine),
            within=20,
            what=f"the end of the run's processes {sorted(mine)}",
        )
        now = self.now()
        changed = {
            what: (self.before[what], one) for what, one in now.items() if one != self.before[what]
        }
        assert not changed, f"changed: {changed}"
        # pytest keeps the folders of its last three runs, as it always does
        left = [one.name for one in temporary.iterdir() if not one.name.startswith("pytest-of-")]
        assert left == [], f"left in the temporary folder: {left}"


@contextmanager
def observed() -> Iterator[Host]:
    """The host of the runs that are started meanwhile."""
    if os.geteuid() != 0:
        yield Host([])
        return
    script = "ip link set lo up; echo up; exec sleep 9999"
    holding = ["unshare", "--net", "--mount", "sh", "-c", script]
    with subprocess.Popen(holding, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "up\n"
            yield Host(["nsenter", "-t", str(holder.pid), "--net", "--mount"])
        finally:
            holder.kill()
