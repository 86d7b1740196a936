"""Answers in a YAML file: one section a task, read as text by the parser alone, then validated.

YAML 1.1 turns `no`, `0123` and `1:30` into something else, tags make objects, and aliases make
much of little (yaml.org/spec/1.1). So nothing of it is resolved here: the events are bounded and
looked through first, then every scalar is the text that stands there, for the models to interpret.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from grader import document
from grader.errors import CheckFailed, NeedsReview, Refused
from grader.facts import must_be_answered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.submission import Deliverable

M = TypeVar("M", bound=BaseModel)
DEEPEST = 8  # a section, its keys, a list of lists: nobody needs more
MOST = 5_000  # events: scalars, beginnings and ends of lists and mappings
NULLS = {"", "~", "null", "Null", "NULL"}  # how YAML writes nothing
SHOWN = 300
REMEDIES = {  # a word of what PyYAML says: what to do
    "\\t": "indent with spaces; YAML knows no tabs",
    "mapping values": "put a text that holds a colon in quotes, or below its key after KEY: |",
    "expected ':'": "each answer is KEY: ANSWER; a longer text goes below its key, indented, "
    "after KEY: |",
    "alphabetic or numeric": "put a text that begins with * or & in quotes",
    "cannot start any token": "put a text that begins with @, ` or % in quotes",
    "special characters": "leave control characters out",
}
REMEDY = "write KEY: ANSWER, indented by spaces, as the template of `grader init` does"


def read(deliverable: Deliverable, section: str, model: type[M]) -> M:
    """The section as `model`.

    Raises Refused if the file is not plain YAML or the section does not fit the model, and
    CheckFailed if there is no such section.
    """
    name = deliverable.name
    sections = _keys(name, _root(deliverable))
    node = sections.get(section)
    if node is None:
        near = _near(section, sections)
        raise CheckFailed(
            f"{name}: expected a section {section}:, found {_listed(sections)}",
            hint=f"there is {near!r}; it must be called exactly {section}"
            if near
            else f"it begins with a line {section}:",
        )
    if isinstance(node, yaml.ScalarNode) and not _text_of(node):
        raise CheckFailed(
            f"{name}: section {section} is empty", hint="its keys stand below it, indented"
        )
    if not isinstance(node, yaml.MappingNode):
        raise _refused(name, node, f"{section}: expected keys with answers", _kind(node))
    _must_know(name, section, node, [*model.model_fields])
    return _as(model, name, node, f"in {section}: {REMEDY}")


def whole(deliverable: Deliverable, model: type[M]) -> M:
    """All of a file as `model`. Raises Refused if it is not plain YAML or does not fit."""
    return _as(model, deliverable.name, _root(deliverable), REMEDY)


def _as(model: type[M], name: str, node: yaml.MappingNode, hint: str) -> M:
    try:
        return model.model_validate(_plain(name, node))
    except ValidationError as error:
        raise Refused(document.explain(name, node, error), hint=hint) from error


def _must_know(name: str, section: str, node: yaml.MappingNode, known: list[str]) -> None:
    """Raise Refused for a key that is none of the questions."""
    for key, value in _keys(name, node).items():
        if key not in known:
            line, near = value.start_mark.line + 1, _near(key, known)
            raise Refused(
                f"{name}:{line}: {section}.{key[:SHOWN]}: there is no question of that name",
                hint=f"the nearest is {near!r}" if near else f"its keys are {', '.join(known)}",
            )


def review(question: str, text: str, guide: str) -> NoReturn:
    """Hand a free answer to a person, with a marking guide; CheckFailed if there is none.

    The question, the whole answer and the guide are kept as evidence of the check that calls this:
    `question.txt`, `answer.txt`, `guide.md`.
    """
    must_be_answered(question, text, "a sentence or two in your own words")
    shown = " ".join(text.split())
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    files = {"question.txt": f"{question}\n", "answer.txt": f"{text}\n", "guide.md": f"{guide}\n"}
    raise NeedsReview(f"a person will read this: “{shown}”", hint=question, files=files)


def _root(deliverable: Deliverable) -> yaml.MappingNode:
    """The document's mapping. Raises Refused for anything but one small, plain YAML document."""
    name = deliverable.name
    try:
        _look_through(name, deliverable.text)
        node = yaml.compose(deliverable.text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML hands on what chr() and int() say of an impossible escape or version.
        raise _not_yaml(deliverable, error) from error
    if node is None or (isinstance(node, yaml.ScalarNode) and not _text_of(node)):
        raise CheckFailed(f"{name} is empty", hint=REMEDY)
    if not isinstance(node, yaml.MappingNode):
        raise _refused(name, node, "expected sections, each with keys and answers", _kind(node))
    return node


def _look_through(name: str, text: str) -> None:
    """Bound the document by its events, which are made without recursion, before it is composed."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        found = _unwanted(event)
        if number > MOST:
            found = "more than anyone has to say", f"answers take less than {MOST} items"
        elif depth > DEEPEST:
            found = f"more than {DEEPEST} levels", "no answer needs so many levels"
        elif documents > 1:
            found = "a second document", "leave out the line ---"
        if found:
            raise _refused(name, event, "expected plain answers", found[0], hint=found[1])


def _unwanted(event: Any) -> tuple[str, str] | None:
    """What of YAML is never read, with the remedy."""
    quotes = "if it is meant as text, put the whole answer in quotes"
    if isinstance(event, yaml.AliasEvent):
        return f"an alias, *{str(event.anchor)[:SHOWN]}", quotes
    if getattr(event, "anchor", None):
        return f"an anchor, &{event.anchor[:SHOWN]}", quotes
    if isinstance(event, yaml.DocumentStartEvent):
        return ("a %TAG", "leave it out") if event.tags else None
    if getattr(event, "tag", None):
        return f"a tag, {event.tag[:SHOWN]}", quotes
    return None


def _not_yaml(deliverable: Deliverable, error: Exception) -> Refused:
    # What is not closed is at fault where it begins, not at the end of the file.
    order = ("context_mark", "problem_mark") if "end of stream" in str(error) else ("problem_mark",)
    mark = next(filter(None, (getattr(error, name, None) for name in order)), None)
    line = mark.line if mark else deliverable.text.count("\n", 0, getattr(error, "position", 0))
    parts = [getattr(error, key, None) for key in ("context", "problem", "reason")]
    problem = "; ".join(part for part in parts if part) or str(error)
    hint = next((remedy for word, remedy in REMEDIES.items() if word in problem), REMEDY)
    return Refused(f"{deliverable.name}:{line + 1}: not YAML: {problem[:SHOWN]}", hint=hint)


def _keys(name: str, node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """A mapping's values by key. Raises Refused for a key that stands there twice."""
    found: dict[str, yaml.Node] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refused(name, key, "expected a key", _kind(key))
        if key.value in found:
            raise _refused(
                name, key, "expected each key once",
                f"{key.value[:SHOWN]!r} here and in line {lines[key.value]}",
                hint="leave one of the two out",
            )  # fmt: skip
        found[key.value] = value
        lines[key.value] = key.start_mark.line + 1
    return found


def _plain(name: str, node: yaml.Node) -> Any:
    """A node as texts, lists and mappings."""
    if isinstance(node, yaml.MappingNode):
        return {key: _plain(name, value) for key, value in _keys(name, node).items()}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(name, one) for one in node.value]
    return _text_of(node)


def _text_of(node: Any) -> str:
    nothing = node.style is None and node.value in NULLS
    # Half a surrogate pair, which an escape can make, is no text that could be written anywhere.
    return "" if nothing else str(node.value).encode(errors="backslashreplace").decode()


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys"
    return "a list" if isinstance(node, yaml.SequenceNode) else f"a text, {node.value[:SHOWN]!r}"


def _refused(name: str, place: Any, expected: str, found: str, *, hint: str = REMEDY) -> Refused:
    line = place.start_mark.line + 1
    return Refused(f"{name}:{line}: {expected}, found {found}", hint=hint)


def _listed(keys: Iterable[str]) -> str:
    shown = [repr(key[:40]) for key in keys]
    return ", ".join(shown[:10]) or "none"


def _near(wanted: str, names: Iterable[str]) -> str:
    """The one of `names` that is nearly `wanted`, if any: a slip, not another name of its kind."""
    return next(iter(get_close_matches(wanted, list(names), n=1, cutoff=0.75)), "")
