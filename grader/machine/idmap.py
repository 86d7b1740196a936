"""Which ids of this host the sandboxes' users are: a range that belongs to nobody else.

With a single mapped id tcpdump cannot drop its privileges and dies, so a sandbox has 65,536.
Sources: user_namespaces(7), newuidmap(1), subuid(5).
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from grader.errors import GraderError, Unsupported

RANGE = 65_536
# Above what systemd-nspawn hands out (524288 to 1879048191), below 2**31.
ROOT_BASE = 2_000_000_000
# -I, so that no file of the current folder and no variable can stand in for a module.
ENTER = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r});"
    "from grader.machine.enter import main; main()"
)


@dataclass(frozen=True)
class IdMap:
    """The ids of a machine's user namespace: 0 to 65,535 are this host's from the bases on.

    For an ordinary user, `uid` and `gid` are that user's own; they are mapped behind the range,
    so that the namespace's root may write in that user's folders. For root they are None: no
    process of a machine is ever this host's root.
    """

    uid_base: int
    gid_base: int
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def for_this_user(cls) -> "IdMap":
        """The map that this user may make. Raises Unsupported, with the remedy, if none."""
        if os.geteuid() == 0:
            return cls(ROOT_BASE, ROOT_BASE)
        if shutil.which("newuidmap") is None:
            raise Unsupported(
                "newuidmap is not installed, so no range of ids can be mapped",
                remedy="install the package uidmap: sudo apt-get install uidmap",
            )
        return cls(
            _subordinate("/etc/subuid"), _subordinate("/etc/subgid"), os.geteuid(), os.getegid()
        )

    def own(self, folder: Path) -> None:
        """Let this map's root write in `folder`, which is this user's."""
        if self.uid is None:
            os.chown(folder, self.uid_base, self.gid_base)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `argv` as root of a new user and mount namespace in which this map holds.

        The namespace is entered in `cwd`, which its root need not be able to search its way
        to: name files relative to it. Raises GraderError if the command fails and `check`.
        """
        done = subprocess.run(
            enter_command(self, argv),
            cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, env=env, check=False,
        )  # fmt: skip
        if check and done.returncode:
            detail = (done.stderr or b"").decode(errors="replace").strip()
            raise GraderError(f"{argv[0]} exited with {done.returncode} as mapped root: {detail}")
        return done


def enter_command(ids: IdMap, argv: Sequence[str], **options: Any) -> list[str]:
    """The command that runs `argv` under `ids`; `options` are those of grader.machine.enter."""
    order = json.dumps({"ids": asdict(ids), "argv": list(argv), **options})
    return [sys.executable, "-I", "-c", ENTER, order]


def _subordinate(path: str) -> int:
    """The first id of this user's range in `path`, a subuid(5) file."""
    names = {pwd.getpwuid(os.geteuid()).pw_name, str(os.geteuid())}
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, rest = line.strip().partition(":")
        start, _, count = rest.partition(":")
        if name in names and start.isdigit() and count.isdigit() and int(count) >= RANGE:
            return int(start)
    user = pwd.getpwuid(os.geteuid()).pw_name
    raise Unsupported(
        f"{path} gives user {user} no range of {RANGE} ids",
        remedy=f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
    )
