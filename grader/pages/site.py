"""Writing the pages: read the reports, show each as a page, and the class on one."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from grader.check import Verdict
from grader.errors import GraderError
from grader.pages import owners
from grader.pages.evidence import Exhibits
from grader.pages.overview import Overview, Student, share, tally
from grader.pages.owners import Owned
from grader.pages.reading import Report, read_report
from grader.report import write_text
from grader.review import names_of, pseudonyms
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable

REPORT = "report.json"
INDEX = "index.html"
NAMELESS = "anonymous-pages"
# What says it beside the colour.
MARKS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.TIMEOUT: "⧖",
    Verdict.REFUSED: "⊘",
    Verdict.SKIPPED: "»",
    Verdict.REVIEW: "?",
    Verdict.UNSUPPORTED: "∅",
    Verdict.ERROR: "!",
}


@dataclass(frozen=True)
class Entry:
    """A report: its folder, and the name and place that its page has."""

    folder: Path
    name: str
    page: Path
    report: Report
    owned: Owned
    nameless: Callable[[str], str]


def write(reports: Path, *, anonymous: bool = False, seed: int = 0) -> Path:
    """Make the pages of all reports below `reports`; returns the class's page.

    With `anonymous` they lie in a folder of their own and lead to no file whose path has a name.
    A report that cannot be read is named on the class's page. Raises BadInput if there is none.
    """
    names = names_of(reports)
    shown = pseudonyms(names, seed) if anonymous else {name: name for name in names}
    home = reports / NAMELESS if anonymous else reports
    entries: list[Entry] = []
    faults: list[str] = []
    try:
        owned = owners.read(reports)
    except GraderError as error:
        owned = {}
        faults.append(printable(error.what))
    for name in names:
        try:
            report = read_report(reports / name / REPORT)
        except GraderError as error:
            faults.append(printable(error.what.replace(name, shown[name])))
            continue
        page = home / f"{_slug(shown[name])}.html" if anonymous else reports / name / INDEX
        nameless = _hider(name, shown[name])
        whose = owned.get(name, Owned())
        whose = replace(whose, people="") if anonymous else whose
        entries.append(Entry(reports / name, shown[name], page, report, whose, nameless))
    entries.sort(key=lambda one: one.name.casefold())
    try:
        absent = sorted(owned.keys() - set(names))
        return _write_all(home, entries, faults, absent, anonymous=anonymous)
    except OSError as error:
        what = f"{error.filename or home}: cannot be written: {error.strerror}"
        raise GraderError(what, remedy="make room there, or get the right to write") from error


def _write_all(
    home: Path, entries: list[Entry], faults: list[str], absent: list[str], *, anonymous: bool
) -> Path:
    environment = _environment()
    student = environment.get_template("student.html.j2")
    for one in entries:
        base = "" if anonymous else "./"
        exhibits = Exhibits(one.folder, base=base, nameless=one.nameless, linked=not anonymous)
        back = os.fsencode(os.path.relpath(home / INDEX, one.page.parent))
        text = student.render(entry=one, report=one.report, exhibits=exhibits, back=quote(back))
        write_text(text, one.page)
    students = tuple(
        Student(
            one.name,
            quote(os.fsencode(one.page.relative_to(home).as_posix())),
            one.report,
            one.owned,
        )
        for one in entries
    )
    text = environment.get_template("class.html.j2").render(
        overview=Overview(students), faults=faults, absent=absent, anonymous=anonymous
    )
    write_text(text, home / INDEX)
    return home / INDEX


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loader = environment.loader
    assert loader  # noqa: S101 for mypy: it was given above
    style = loader.get_source(environment, "style.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src 'self' data:; style-src 'sha256-{digest}'"
    environment.globals |= {"style": style, "policy": policy, "marks": MARKS, "tally": tally}
    environment.filters |= {"points": _points, "shown": _shown, "percent": _percent}
    environment.globals["share"] = share
    return environment


def _hider(name: str, shown: str) -> Callable[[str], str]:
    """What puts `shown` for a submission's name, where that is a word of its own."""
    if name == shown:
        return lambda text: text
    folder = name.rpartition("/")[2]
    pattern = re.compile(rf"(?<!\w)(?:{re.escape(name)}|{re.escape(folder)})(?!\w)")
    return lambda text: pattern.sub(shown, text)


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _points(value: float) -> str:
    return f"{round(value, 4):g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _shown(text: object) -> str:
    """Text without what a browser could obey, such as a change of direction."""
    return "\n".join(printable(line.expandtabs(8)) for line in str(text).splitlines())
