"""Whose a container is: the process that made it, known again after that one's death."""

from __future__ import annotations

import os
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """This process, of all that there have been on this host: boot, namespace, number, start."""
    return f"{_here()} {os.getpid()} {_start(os.getpid())}"


def is_dead(owner: str, *, running: bool) -> bool:
    """Whether the process that `owner` names is known to have ended.

    Of one of another boot or process namespace nothing is known: it may be on another host that
    uses the same engine, or in a container. Its containers end by themselves when it does; so
    what is no longer `running` has no owner.
    """
    here, _, rest = owner.rpartition(" ")[0].rpartition(" ")
    pid, start = rest, owner.rpartition(" ")[2]
    if here != _here() or not pid.isdigit():
        return not running
    return _start(int(pid)) != start


def _here() -> str:
    return f"{BOOT.read_text(encoding='ascii').strip()} {os.readlink('/proc/self/ns/pid')}"


def _start(pid: int) -> str:
    """When a process started, in ticks since the boot (proc(5)); empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
