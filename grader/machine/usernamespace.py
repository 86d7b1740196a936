"""Whether this host lets its users make user namespaces, and if not, which setting is why.

Sources: user_namespaces(7), and Ubuntu's restriction by AppArmor, from 23.10 on.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import GraderError, Unsupported
from grader.machine.idmap import IdMap

if TYPE_CHECKING:
    from collections.abc import Callable

# Settings that refuse: below /proc/sys, the value, whether root is refused too, and the remedy.
REFUSALS = (
    ("user/max_user_namespaces", "0", True, "user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", False, "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", False,
     "kernel.apparmor_restrict_unprivileged_userns=0"),
)  # fmt: skip
PERMANENT = "echo {0} | sudo tee /etc/sysctl.d/60-netlab-grader.conf && sudo sysctl --system"
REMEDY = "have user namespaces allowed (not in a chroot, not in a container); user_namespaces(7)"


def require() -> None:
    """Make a user namespace with an id range. Raises Unsupported, with the remedy."""
    ids = IdMap.for_this_user()
    try:
        ids.run(["true"], stderr=subprocess.PIPE)
    except GraderError as error:
        reason = error.what.splitlines()[-1]
        what = f"a user namespace with an id range cannot be made ({reason})"
        raise Unsupported(what, remedy=remedy(setting, root=os.geteuid() == 0)) from error


def remedy(setting: Callable[[str], str], *, root: bool) -> str:
    """What to change, by what `setting` says of the files below /proc/sys."""
    for name, refusing, everybody, change in REFUSALS:
        if setting(name) == refusing and (everybody or not root):
            return PERMANENT.format(change)
    return REMEDY


def setting(name: str) -> str:
    """The value of a file below /proc/sys; empty if there is none."""
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""
