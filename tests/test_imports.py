"""The engine's parts know only what lies below them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = Path(__file__).resolve().parents[1]
# From top to bottom: a part may import what stands in a line below its own, or in its own.
LAYERS = [
    {"plugin", "cli"},
    {"dialogue"},
    {"doctor", "review", "shell", "starter", "engine", "excerpt", "compare", "leftovers"}
    | {"pages", "similar"},
    {"warm", "classbook"},
    {"export"},
    {"summary"},
    {"grading"},
    {"resume", "people", "roster"},
    {"decisions"},
    {"report"},
    {"taskrun", "script"},
    {"rubric"},
    {"check"},
    {"answers", "facts"},
    {"submission"},
    {"evidence", "traffic"},
    {"world"},
    {"document", "sandbox", "sheet"},
    {"image", "machine"},
    {"deadline", "disposable", "home", "known", "lock", "progress", "checked"},
    {"errors"},
]
# All may know the version; nobody but the two top ones is known by nobody.
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
SOURCES = sorted((REPO / "grader").rglob("*.py"))
LABS = sorted([*(REPO / "tests_lab").glob("*.py"), *(REPO / "examples").glob("*/*.py")])
PRINTERS = {"cli", "summary", "doctor"}
AGENT = REPO / "grader" / "machine" / "agent"


def name_of(path: Path) -> str:
    """The path in a test's name."""
    return path.relative_to(REPO).as_posix()


def part_of(path: Path) -> str:
    """The part of the engine that a source belongs to."""
    return path.relative_to(REPO / "grader").parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a source imports, wherever in it, with the line."""
    package = path.relative_to(REPO).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            whole = ".".join(filter(None, [base, node.module or ""]))
            yield from ((f"{whole}.{alias.name}", node.lineno) for alias in node.names)


def test_every_part_has_a_layer() -> None:
    """No part of the engine is left out of the order of imports."""
    assert {part_of(path) for path in SOURCES} - {"__init__"} - LEVEL.keys() == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    """A part imports from its own layer or from lower ones only."""
    here = LEVEL.get(part_of(path), len(LAYERS))
    for name, line in imported(path):
        top, _, rest = name.partition(".")
        part = rest.partition(".")[0]
        if top == "grader" and part in LEVEL:
            assert LEVEL[part] >= here, f"{path}:{line} imports {name} from above"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_the_engine_knows_no_lab(path: Path) -> None:
    """grader/ imports neither fixtures/ nor tests_lab/ nor the tests."""
    for name, line in imported(path):
        assert name.partition(".")[0] not in {"fixtures", "tests_lab", "tests"}, f"{path}:{line}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_plugin_imports_pytest(path: Path) -> None:
    """pytest, its plugins and its private parts are imported by grader/plugin/ alone."""
    known = {name.partition(".")[0] for name, _ in imported(path)}
    assert part_of(path) == "plugin" or not known & {"pytest", "_pytest", "xdist", "pluggy"}


@pytest.mark.parametrize("path", sorted(AGENT.glob("*.py")), ids=name_of)
def test_the_agent_is_alone(path: Path) -> None:
    """The agent imports its own modules and the standard library only."""
    for name, line in imported(path):
        top = name.partition(".")[0]
        own = name.startswith("grader.machine.agent.")
        assert own or top in sys.stdlib_module_names, f"{path}:{line} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_three_modules_print(path: Path) -> None:
    """print() is called by cli, summary and doctor at most."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert part_of(path) in PRINTERS or "print" not in names


@pytest.mark.parametrize("path", LABS, ids=name_of)
def test_the_labs_checks_use_public_names(path: Path) -> None:
    """A lab's module imports no underscored name of the engine."""
    for name, line in imported(path):
        private = name.startswith("grader.") and any(p.startswith("_") for p in name.split("."))
        assert not private, f"{path}:{line} imports {name}"
