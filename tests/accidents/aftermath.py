"""What is left of a run: reports that are the old or the new ones, whole and true, or what is not.

Each fault begins with its kind: `left`, `lost` or `false`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from runs import REPO, grade

from accidents.plan import OURS, TRUE, Plan, names, options
from grader import leftovers
from grader.report import UNFINISHED

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads((REPO / "grader" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def reports(home: Path) -> dict[str, bytes]:
    """The reports that are there, as they are."""
    return {path.parent.name: path.read_bytes() for path in home.glob("reports/*/report.json")}


def verdicts(report: bytes) -> dict[str, str]:
    """The verdicts in a report, by check."""
    tasks: list[dict[str, Any]] = json.loads(report)["tasks"]
    return {one["id"]: one["verdict"] for task in tasks for one in task["checks"]}


def untrue(plan: Plan, old: dict[str, bytes], home: Path) -> list[str]:
    """What is not whole or not true in the reports; a fault of ours that says so is true."""
    new = reports(home)
    faults = [f"lost: the old report on {name}" for name in old.keys() - new.keys()]
    for name, data in new.items():
        if data == old.get(name):
            continue
        try:
            report = json.loads(data)
        except ValueError:
            faults.append(f"lost: half a report on {name}")
            continue
        faults += [f"false: {name}: {one.message}" for one in VALIDATOR.iter_errors(report)]
        if report["seed"] != plan.seed:
            faults.append(f"false: {name}: a report of another run")
        for id_, verdict in verdicts(data).items():
            if verdict not in {TRUE[name][id_], *OURS}:
                faults.append(f"false: {name}: {id_} is {verdict}")
        checks = [one for task in report["tasks"] for one in task["checks"]]
        folder = home / "reports" / name
        gone = [p for one in checks for p in one["evidence"] if not (folder / p).is_file()]
        faults += [f"lost: {name}: {path}" for path in gone]
    return faults


def unfinished(plan: Plan, code: int, new: dict[str, bytes]) -> list[str]:
    """What is wrong with a run that was to get over the death of a part."""
    faults = [f"lost: the report on {name}" for name in names(plan.kind) if name not in new]
    found = {one for data in new.values() for one in verdicts(data).values()}
    due = 3 if found & OURS else int("FAILED" in found)
    return faults + ([] if code == due else [f"false: exit code {code}, not {due}"])


def unrepaired(plan: Plan, home: Path) -> list[str]:
    """What is not as it should be after the dead has been cleaned up and all been graded."""
    with leftovers.found(home / "reports") as (found, _):
        for one in found:
            if home in one.path.parents:
                one.remove()
    faults = [f"left: {path.name}" for path in home.rglob(f"{UNFINISHED}*")]
    again = grade(*options(plan, home), "--resume", home=home)
    for name in names(plan.kind):
        if name not in again.reported:
            faults.append(f"lost: the report on {name}, after --resume")
        elif again.verdicts(name) != TRUE[name]:
            faults.append(f"false: {name}: {again.verdicts(name)} after --resume")
    return faults
