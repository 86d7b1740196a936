"""JUnit XML: a suite for each submission, a case for each check.

The student's side is a failure, ours an error. What was not judged is skipped: because a check
that it needs failed, or because a person is to judge it. Points are properties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from grader.check import Verdict
from grader.export.graded import Written
from grader.export.wording import cut, number, one_line, reason
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.export.graded import Given, Graded, Plain

BRIEF = 200  # characters of a message's beginning, for lists
ELEMENTS = {
    Verdict.FAILED: "failure",
    Verdict.TIMEOUT: "failure",
    Verdict.REFUSED: "failure",
    Verdict.SKIPPED: "skipped",
    Verdict.REVIEW: "skipped",
    Verdict.UNSUPPORTED: "error",
    Verdict.ERROR: "error",
}


def write(reports: Sequence[Graded], _given: Given) -> Written:
    """All reports as one document."""
    top = ET.Element("testsuites", name="netlab-grader")
    for graded in reports:
        _suite(top, graded)
    ET.indent(top)
    text = ET.tostring(top, encoding="unicode", xml_declaration=False)
    return Written(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _suite(top: ET.Element, graded: Graded) -> None:
    verdicts = [ELEMENTS.get(Verdict(one["verdict"])) for one in graded.checks]
    suite = ET.SubElement(
        top,
        "testsuite",
        name=one_line(graded.id),
        tests=str(len(verdicts)),
        failures=str(verdicts.count("failure")),
        errors=str(verdicts.count("error")),
        skipped=str(verdicts.count("skipped")),
        time=f"{graded.report['duration_s']:.3f}",
        timestamp=graded.report["started"].removesuffix("Z"),
        hostname="localhost",
    )
    facts = {"lab": graded.report["lab"], "seed": str(graded.report["seed"])}
    facts |= {"score": number(graded.score), "max_score": number(graded.max_score)}
    facts |= {"complete": str(graded.report["complete"]).lower()}
    _properties(suite, facts)
    for check in graded.checks:
        _case(suite, graded, check)


def _case(suite: ET.Element, graded: Graded, check: Plain) -> None:
    task, _, name = check["id"].partition(".")
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{one_line(graded.id)}.{task}",
        name=name,
        time=f"{check['duration_s']:.3f}",
    )
    verdict = Verdict(check["verdict"])
    facts = {"title": one_line(check["title"]), "verdict": str(verdict)}
    facts |= {"points": "" if verdict.open else number(check["points"])}
    facts |= {"max_points": number(check["max_points"]), "sandbox": check["sandbox"]}
    _properties(case, facts)
    if verdict in ELEMENTS:
        said = cut(one_line(check["message"]), BRIEF) or str(verdict)
        element = ET.SubElement(case, ELEMENTS[verdict], message=said, type=str(verdict))
        element.text = reason(check)
    elif check["message"]:
        ET.SubElement(case, "system-out").text = printable(check["message"])


def _properties(parent: ET.Element, facts: dict[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=value)
