"""A made-up lab with two questions that only a person can judge, and classes that answer them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from runs import REPO, Graded, grade

if TYPE_CHECKING:
    from pathlib import Path

LAB = """\
schema: netlab-lab/1
lab: essays
title: Essays
topology: lan
tasks:
  e1:
    title: Two questions
    files: [why.txt, how.txt]
    module: task_e1
    points: 10
    checks: {there: 1, why: 4, how: 5}
"""
TASK = '''\
"""e1: two texts."""

from grader.check import check
from grader.errors import NeedsReview


def hand_over(task, name, guide):
    text = task.deliverable(name).text
    raise NeedsReview(f"a person reads {name}", files={"answer.txt": text, "guide.md": guide})


@check("e1.there")
def there(task):
    """There is a text."""
    task.deliverable("why.txt")


@check("e1.why")
def why(task):
    """The reason is given."""
    hand_over(task, "why.txt", "4 points: the kernel drops it in the hook. 2: it is lost.")


@check("e1.how")
def how(task):
    """The way is described."""
    hand_over(task, "how.txt", "5 points: all steps.\\n1 point each.")
'''


def make_lab(home: Path) -> Path:
    """The lab, in a folder of its own."""
    lab = home / "essay_lab"
    (lab / "topologies").mkdir(parents=True)
    (lab / "__init__.py").write_text("")
    (lab / "lab.yaml").write_text(LAB)
    (lab / "task_e1.py").write_text(TASK)
    lan = REPO / "examples" / "ping_lab" / "topologies" / "lan.yaml"
    shutil.copy(lan, lab / "topologies" / "lan.yaml")
    return lab


def hand_in(home: Path, name: str, why: str, how: str) -> None:
    """A student's answers."""
    folder = home / "class" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "why.txt").write_text(why)
    (folder / "how.txt").write_text(how)


def grade_class(home: Path, *options: str) -> Graded:
    """Grade the class; its reports are in home/reports."""
    return grade("-o", f"netlab_lab={home / 'essay_lab'}", home / "class", *options, home=home)
