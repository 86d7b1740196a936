"""A class of thirty as a term brings it: good, bad, broken, hostile, late, and files missing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from runs import CAUGHT, REFERENCE, REPO, UNCAUGHT, submission

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT, ANSWERS, ABOUT = "uncaught.sh", "answers.yaml", "submission.yaml"
TASKS = ("01d", "02b", "02c")
REFERENCE_ANSWERS = (REFERENCE / ANSWERS).read_text(encoding="utf-8")
# Each has the reference's files, but for these of submissions/.
GOOD = {
    "ana": (),
    "bogdan": ("variants/01d-arp-scan",),
    "carla": ("variants/01d-own-ethertype",),
}
BAD = {
    "elena": ("broken/01d-ping",),
    "gabi": ("broken/01d-opens-for-good",),
    "horia": ("broken/01d-static-neighbour", "broken/02b-traceroute-icmp"),
    "ioana": ("broken/02c-no-sack",),
    "jon": ("broken/02b-key-typo",),
    "kira": ("broken/02b-billion-laughs",),
    "luca": ("broken/02b-template",),
}
MARKUP = "<script>document.documentElement.dataset.ran=1</script><img src=x onerror=alert(1)>"
NASTY = f"""
echo '::error::x'; echo 'x ##[set-output name=score;]100'; echo 'Total: 100'
echo '{MARKUP}'; echo '=HYPERLINK("http://192.0.2.1/","x")'
printf '\\033]0;title\\007\\033[31mred\\033[2J\\r\\n'
echo '::add-mask::x' >&2
kill -9 -1
"""
HOSTILE = ("::error::x", "=HYPERLINK(1)", "<script>alert(1)<", "a b#c?d%41&e", "red\x1b[31m")
NO_UTF_8 = os.fsdecode(b"caf\xe9")
TEAM = "group-7/team"
LATE, FAULTY, ABSENT = "yann", "zoe", "nobody"
ALIKE = ("carla", "xenia")


def hand_in(home: Path) -> Path:
    """Make the class, in the folder that is returned; beside it lies roster.csv."""
    folder = home / "class"
    for name, wrong in (GOOD | BAD).items():
        _complete(folder / name, *wrong)
    _broken(folder)
    _hostile(folder)
    _of_several(folder)
    # What is no submission, and no reason to stop.
    (folder / "notes.txt").write_text("ana was ill\n")
    (folder / ".git" / "hooks").mkdir(parents=True)
    (folder / "copycat").symlink_to(folder / "ana")
    return folder


def _complete(folder: Path, *instead: str) -> Path:
    submission(folder, uncaught_sh=UNCAUGHT, answers_yaml=REFERENCE_ANSWERS)
    for place in instead:
        for path in (REPO / "submissions" / place).iterdir():
            shutil.copy(path, folder / path.name)
    return folder


def _broken(folder: Path) -> None:
    """Files that are missing, or not what a file should be."""
    submission(folder / "mihai")
    (_complete(folder / "nadia") / ANSWERS).unlink()
    (_complete(folder / "oana") / SCRIPT).unlink()
    odd = {name: _complete(folder / name) / SCRIPT for name in ("petre", "radu", "sorin")}
    for path in odd.values():
        path.unlink()
    odd["petre"].mkdir()
    odd["radu"].symlink_to("/etc/passwd")
    os.mkfifo(odd["sorin"])
    submission(_complete(folder / "tudor"), uncaught_sh=UNCAUGHT.encode("utf-16"))
    submission(_complete(folder / "ursu"), uncaught_sh=b"#" * 300_000)
    submission(_complete(folder / "vlad"), uncaught_sh="", answers_yaml="\x00\x01")


def _hostile(folder: Path) -> None:
    """Texts and names that attack whoever shows them; files that attack whoever imports them."""
    for name in HOSTILE:
        _nasty(folder / name)
    _complete(folder / NO_UTF_8, "broken/01d-dig")
    stop = "raise SystemExit('it ran')\n"
    submission(_complete(folder / "wanda"), conftest_py=stop, json_py=stop, test_x_py=stop)
    submission(folder / "wanda", pytest_ini="[pytest]\naddopts = -p no:netlab\n")


def _nasty(folder: Path) -> None:
    answers = REFERENCE_ANSWERS.replace("[MSS]", f"['{MARKUP}', '::error::x', '=1+1']")
    submission(folder, uncaught_sh=NASTY, answers_yaml=answers)


def _of_several(folder: Path) -> None:
    """Late ones, a group, and one who has another's work."""
    script = (folder / ALIKE[0] / SCRIPT).read_text(encoding="utf-8").replace("source", "mac")
    submission(_complete(folder / ALIKE[1]), uncaught_sh=script)
    submission(_complete(folder / LATE), submission_yaml="late_days: 1\n", uncaught_sh=CAUGHT)
    submission(_complete(folder / FAULTY), submission_yaml="members: !!python/name:os.system\n")
    submission(_complete(folder / TEAM), submission_yaml="members: [una, ulli]\n")
    submission(folder / "group-7" / "__MACOSX", uncaught_sh=CAUGHT)  # as its zip files have it


def roster(path: Path, names: list[str]) -> Path:
    """A roster of all `names`, and of one who has handed in nothing."""
    lines = ["Submission;Full name;Email address;Faculty;due;submitted"]
    for name in (*names, ABSENT):
        who, times = name.removeprefix("group-7/"), ";"
        if name == LATE:
            times = "2026-05-04T23:59+03:00;2026-05-06T12:00+03:00"
        if name == TEAM:
            lines.append(f"{name};Una;una@example.org;ACS;;")
            who = "ulli"
        lines.append(f"{name};{who.title()};{who}@example.org;ACS;{times}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
