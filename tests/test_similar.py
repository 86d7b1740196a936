"""Submissions that are alike are found, by what is the students' own, whatever they hand in."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import REFERENCE, REPO, copy_of_reference, submission

from grader.errors import BadInput
from grader.similar import LONGEST, look

if TYPE_CHECKING:
    from grader.similar import Alike

GRADER = str(Path(sys.executable).with_name("grader"))
SCRIPT = """\
#!/bin/bash
# mine
iface=$1
for number in $(seq 1 254); do
    if arping -c 1 -w 1 -I "$iface" "10.0.0.$number" > /dev/null; then
        ping -c 1 -W 1 "10.0.0.$number" > /dev/null || echo "10.0.0.$number"
    fi
done
"""
COPY = """\
#!/bin/bash

card=$1                                  # the interface
for n in $(seq 1 254)
; do
  if arping -c 1 -w 1 -I "$card" "10.0.0.$n" > /dev/null; then
      # nobody answers?
      ping -c 1 -W 1 "10.0.0.$n" > /dev/null || echo "10.0.0.$n"
  fi
done
"""
OTHER = """\
import sys, subprocess
from scapy.all import srp, Ether, ARP, sr1, IP, ICMP
network = subprocess.check_output(["ip", "-4", "-o", "addr", "show", sys.argv[1]]).split()[3]
answered, _ = srp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=network.decode()), timeout=2)
print([a.psrc for _, a in answered if sr1(IP(dst=a.psrc) / ICMP(), timeout=1) is None])
"""


def compare(folder: Path, *, given: tuple[Path, ...] = (), threshold: float = 80) -> Alike:
    """What is alike in a folder of submissions."""
    return look(
        {path.name: path for path in sorted(folder.iterdir())},
        ["arp_not_icmp.sh"],
        given=given,
        threshold=threshold,
    )


def hand_in(folder: Path, **texts: str) -> Path:
    """A submission for each text."""
    for name, text in texts.items():
        submission(folder / name, arp_not_icmp_sh=text)
    return folder


def distinct(number: int, words: int = 200) -> str:
    """A text like nobody else's."""
    drawn = random.Random(number)  # noqa: S311 repeatable, not secret
    lines = (" ".join(f"w{drawn.randrange(10**6)}" for _ in range(8)) for _ in range(words // 8))
    return "\n".join(lines) + "\n"


def test_a_copy_in_other_clothes_is_found(tmp_path: Path) -> None:
    """Other names, comments and blanks don't hide that two are alike; both excerpts are shown."""
    found = compare(hand_in(tmp_path, ann=SCRIPT, bea=COPY, cid=OTHER))
    (pair,) = found.pairs
    assert pair.students == ("ann", "bea")
    assert pair.score > 80
    mine, theirs = pair.excerpts
    assert any("ping -c 1" in line.text or "arping" in line.text for line in mine)
    assert any("ping -c 1" in line.text or "arping" in line.text for line in theirs)
    assert all(SCRIPT.split("\n")[line.number - 1] == line.text for line in mine)
    assert all(COPY.split("\n")[line.number - 1] == line.text for line in theirs)


def test_the_very_same_is_wholly_alike(tmp_path: Path) -> None:
    """Two copies of one file are alike to 100 percent."""
    (pair,) = compare(hand_in(tmp_path, ann=OTHER, bea=OTHER, cid=SCRIPT)).pairs
    assert pair.score == 100


def test_what_the_lab_gives_is_nobodys_own(tmp_path: Path) -> None:
    """Lines of a given file, or shown in a given text, make nobody alike."""
    hand_in(tmp_path / "class", ann=SCRIPT, bea=SCRIPT)
    (tmp_path / "handout.md").write_text(f"Like this:\n\n{SCRIPT}")
    assert len(compare(tmp_path / "class").pairs) == 1
    found = compare(tmp_path / "class", given=(tmp_path / "handout.md",))
    assert (found.pairs, found.compared) == ((), {"arp_not_icmp.sh": 0})


def test_what_many_have_is_nobodys_own(tmp_path: Path) -> None:
    """What more than a third of a class has came from somewhere else, and makes nobody alike."""
    texts = {f"s{n}": SCRIPT + distinct(n, 40) for n in range(6)}
    assert compare(hand_in(tmp_path, **texts)).pairs == ()


def test_what_is_usual_in_a_class_is_no_reason_to_look(tmp_path: Path) -> None:
    """Where all are rather alike, only those are shown that are by far more so."""
    shared = distinct(0).splitlines()

    def nearly(seed: int) -> str:
        return "\n".join(f"{line} mine{seed}" for line in shared)

    texts = {f"s{seed}": nearly(seed) for seed in range(8)} | {"copy": nearly(3)}
    (pair,) = compare(hand_in(tmp_path, **texts)).pairs
    assert set(pair.students) == {"s3", "copy"}
    assert pair.usual is not None
    assert pair.usual > 70


def test_short_answers_are_not_compared(tmp_path: Path) -> None:
    """A one-line command is alike by nature."""
    texts = dict.fromkeys(("ann", "bea"), "ping -c 1 8.8.8.8\n")
    assert compare(hand_in(tmp_path, **texts)).compared == {"arp_not_icmp.sh": 0}


def test_hostile_files_stop_nothing(tmp_path: Path) -> None:
    """Links, pipes, binaries and files of any size are passed over; the others are compared."""
    hand_in(tmp_path, ann=SCRIPT, bea=SCRIPT, long="x " * 120_000, wide="y" * 250_000)
    for name in ("link", "pipe", "binary", "huge", "nothing", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "link" / "arp_not_icmp.sh").symlink_to(tmp_path / "ann" / "arp_not_icmp.sh")
    os.mkfifo(tmp_path / "pipe" / "arp_not_icmp.sh")
    (tmp_path / "binary" / "arp_not_icmp.sh").write_bytes(bytes(range(256)) * 100)
    with (tmp_path / "huge" / "arp_not_icmp.sh").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "folder" / "arp_not_icmp.sh").mkdir()
    found = compare(tmp_path)
    assert [pair.students for pair in found.pairs] == [("ann", "bea")]
    assert found.compared == {"arp_not_icmp.sh": 3}


def test_of_a_long_file_a_part_is_compared(tmp_path: Path) -> None:
    """What stands behind so many tokens is not looked at: the work is bounded."""
    head = distinct(1, LONGEST)
    hand_in(tmp_path, ann=head + distinct(2, 2000), bea=head + distinct(3, 2000))
    (pair,) = compare(tmp_path).pairs
    assert (pair.score, pair.size) == (100, LONGEST)


def test_one_is_nothing_to_compare(tmp_path: Path) -> None:
    """A class of one is bad input."""
    with pytest.raises(BadInput, match="expected two submissions or more to compare, found 1"):
        compare(hand_in(tmp_path, ann=SCRIPT))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `grader similar`."""
    return subprocess.run(
        [GRADER, "similar", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_says_what_to_look_at(tmp_path: Path) -> None:
    """Pairs are listed with excerpts, in words that accuse nobody; to find some is no error."""
    hand_in(tmp_path, ann=SCRIPT, bea=COPY)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Look at these (1):" in done.stdout
    assert re.search(r"92 % +arp_not_icmp\.sh +(ann +bea|bea +ann) ", done.stdout)
    assert "Being alike proves nothing" in done.stdout
    assert "cheat" not in done.stdout + done.stderr
    assert "plagiar" not in done.stdout + done.stderr


def test_the_reference_is_given(tmp_path: Path) -> None:
    """Who answers as the reference and the templates do is not alike to each other."""
    for name in ("ann", "bea"):
        copy_of_reference(tmp_path / name)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no two are more alike than is usual" in done.stdout
    assert (REPO / "tests_lab" / "template").is_dir()
    assert REFERENCE.is_dir()


def test_no_folder_is_bad_usage(tmp_path: Path) -> None:
    """What is no folder of submissions ends with code 2."""
    done = run(tmp_path / "none")
    assert done.returncode == 2
    assert "expected a folder of submissions, found none" in done.stderr
