"""docs/defences.md anew: python tests/defence_tables.py; each attack is tried with and without."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from defences import Defence, Setting, guest, inside, reading
from runs import REPO

from grader.image import find

if TYPE_CHECKING:
    from grader.image import Image

PAGE = REPO / "docs" / "defences.md"
PARTS = {
    "The sandbox": inside.ALL,
    "What is read, and how it is shown": reading.ALL,
    "A kernel of its own": guest.ALL,
}
ROWS = {
    1: "fork bomb", 2: "8 GiB of memory", 3: "a full /dev/shm or /tmp", 4: "a million files",
    5: "a sparse terabyte", 6: "`yes`", 7: "a flood on standard error", 8: "a line of a gigabyte",
    9: "all descriptors", 10: "computes or sleeps for ever", 11: "ignores signals, stops itself",
    12: "a daemon", 13: "exits while a child holds its output",
    15: "a link to a hidden file", 16: "output that is a link into the system",
    17: "a folder swapped while it is read", 18: "a hard link to another's file",
    19: "a pipe, socket or device", 20: "2 GB of text",
    21: "NULs, UTF-16", 25: "names with anything in them",
    26: "a picture that explodes", 27: "reads others' files",
    29: "changes its file while it is graded", 30: "the internet",
    31: "this host's servers and sockets", 32: "the firewall flushed",
    33: "routes and links deleted",
    34: "rules left behind", 35: "`nsenter` to the host", 37: "programs run by bpftrace",
    38: "signals sent by bpftrace", 40: "never exits", 42: "modules, reboot, sysrq",
    43: "core_pattern set", 44: "`dmesg -C`", 45: "a forged line in the kernel log",
    46: "a flood of LOG lines", 47: "prints PASSED, or markup", 48: "exits at once",
    49: "conftest.py and its like", 50: "looks for the grader", 52: "the last run's artefact",
    53: "commands to a CI's runner", 54: "XTABLES_LIBDIR, LD_PRELOAD, PATH",
}  # fmt: skip
HEAD = """# Each defence, taken away once

Made by `python tests/defence_tables.py`. A test that an attack is inert shows nothing if it never
worked. So each defence is taken away alone, in the test: the agent is shipped without one step, or
one limit, flag or function of the grader's is left out. Then the same attack, which with it got
nothing, gets what the last column says. Attacks are bounded, and what they may harm is made for
them: no such test could harm this host.

`tests/test_defences.py` does the same: `test_defences.py::test_it_holds` and
`test_defences.py::test_without_it`, by the defence's name. The test in the table holds the promise
in full; the promises are in [security.md](security.md). Numbers are those of the rows of what was
to be tried.
"""
TAIL = """## What is not in the tables

- What no single step holds: a verdict rests on packets, counters and the kernel's records, so words
  (47), an exit status (48) or a ready-made report (28) are nothing that could be let in, and a
  trace, plot or host list that is written down (51) is of another world than this run's.
- What is another's limit: bpftrace's own numbers of keys in a map (39) and of probes (41).
- What is only slow: 100,000 rules (36), in a kernel's memory that is bounded with the microVM's.
- Defences of another kind of sandbox: a container's, QEMU's system call filter and user. Where two
  stand behind each other, as the machine's root and a sandbox's, both are taken away together or
  the inner one alone. Their tests are in security.md.
- Archives (14, 24): none is ever opened.
- Accidents (56 to 68): what they must not do is tested by causing them.
"""
COLUMNS = "| tried | defence | where | test | without it |\n|---|---|---|---|---|"


def line(defence: Defence) -> str:
    """The defence's line in its table, but for what came of taking it away."""
    tried = "; ".join(f"{row} {ROWS[row]}" for row in defence.rows)
    module, _, name = defence.where.partition(":")
    where = f"`{module.removeprefix('grader.')}`: `{name}`"
    return f"| {tried} | {defence.name} | {where} | `{defence.held_by}` |"


def got(defence: Defence, image: Image, *, without: bool) -> str:
    """What the attack gets."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if without:
            defence.removed(patch)
        return defence.attack(Setting(image, Path(folder)))


def main() -> None:
    """Try them all and write the page; exit with 1 if a defence does not hold, or is none."""
    image = find()
    if image is None:
        raise SystemExit("the lab's image is not built; run: ./lab grader image build")
    faults, text = [], HEAD
    for title, defences in PARTS.items():
        text += f"\n## {title}\n\n{COLUMNS}\n"
        for one in defences:
            harm, without = (got(one, image, without=removed) for removed in (False, True))
            if harm or not without:
                faults.append(f"{one.name}: with it {harm!r}, without it {without!r}")
            text += f"{line(one)} {without or '**nothing either**'} |\n"
    PAGE.write_text(f"{text}\n{TAIL}", encoding="utf-8")
    sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
