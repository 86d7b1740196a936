"""The program that enters a machine's namespaces and executes what runs there.

Run by grader.machine.idmap.enter_command with an order in JSON: `ids` (an IdMap), `argv`,
and, for a machine, `image`: the folder that becomes its root, relative to the current one.
A fresh process, since unshare(2) wants a single thread. It stays as the parent, passes the
exit status on, and takes everything down with it when its own parent dies.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from grader.machine.agent import namespaces as ns

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


def main() -> None:
    """Enter the namespaces that the order names, run its command, exit as it did."""
    order = json.loads(sys.argv[1])
    die_with_parent()
    entered_read, entered_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mapped_write)
        ns.unshare(ns.CLONE_NEWUSER)
        os.write(entered_write, b"u")
        if not os.read(mapped_read, 1):
            os._exit(125)
        run_guarded(inside, order)
    os.close(entered_write)
    if os.read(entered_read, 1):
        write_maps(child, order["ids"])
        os.write(mapped_write, b"m")
    pass_on_exit(child)


def write_maps(child: int, ids: dict[str, int | None]) -> None:
    """Map the ids of `child`'s user namespace: as root by hand, else by newuidmap(1)."""
    for kind in ("uid", "gid"):
        lines = [(0, ids[f"{kind}_base"], 65_536)]
        if ids[kind] is not None:
            lines.append((65_536, ids[kind], 1))
        if os.geteuid() == 0:
            with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as file:
                file.write("".join(f"{a} {b} {n}\n" for a, b, n in lines))
        else:
            numbers = [str(number) for line in lines for number in line]
            subprocess.run([f"new{kind}map", str(child), *numbers], check=True)


def inside(order: dict[str, Any]) -> None:
    """In the new user namespace: become its root, take the other namespaces, execute."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    die_with_parent()  # a change of ids forgets it
    if "image" not in order:
        ns.unshare(ns.CLONE_NEWNS)
        os.execvp(order["argv"][0], order["argv"])  # noqa: S606
    ns.unshare(ns.ALL_BUT_USER)
    child = os.fork()
    if child == 0:
        run_guarded(inside_machine, order)
    pass_on_exit(child)


def inside_machine(order: dict[str, Any]) -> None:
    """As the first process of a machine: take the image as root and execute the agent."""
    die_with_parent()
    ns.enter_root(
        order["image"],
        binds={"/machine": "."},
        tmpfs={
            "/tmp": "size=256m,mode=1777",  # noqa: S108
            "/run": "size=64m,mode=755",
            "/work": "size=64m,mode=755",
        },
    )
    os.execve(order["argv"][0], order["argv"], ENVIRONMENT)  # noqa: S606


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ns.prctl(ns.PR_SET_PDEATHSIG, signal.SIGKILL)


def run_guarded(step: Any, order: dict[str, Any]) -> None:
    """Run `step`, which does not return; an error ends this process with its reason."""
    try:
        step(order)
    except BaseException as error:  # a forked child must never run its parent's code
        with suppress(OSError):
            os.write(2, f"netlab: {error}\n".encode())
    os._exit(125)


def pass_on_exit(child: int) -> None:
    """Wait for `child` and exit as it did."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the child decides
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)
