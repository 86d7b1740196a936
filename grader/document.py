"""YAML files as validated models; an error names the file, the line, the item and the remedy."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from grader.errors import BadInput

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]
LONGEST = 60


class Strict(BaseModel):
    """A part of a document: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load(path: Path, model: type[M]) -> M:
    """The document in `path` as `model`. Raises BadInput naming file, line and item."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: expected a YAML file, found {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadInput(explain(str(path), node, error)) from error


def explain(name: str, node: Any, error: ValidationError) -> str:
    """A line for each fault that a model found in document `name`, whose nodes are `node`."""
    lines = []
    for fault in error.errors():
        place: Place = fault["loc"]
        item = ".".join(str(part) for part in place) or "the document"
        reason = fault["msg"].removeprefix("Value error, ")
        shown = repr(fault["input"])
        brief = not isinstance(fault["input"], dict | list) and len(shown) <= LONGEST
        found = f" (found {shown})" if brief else ""
        lines.append(f"{name}:{line_of(node, place)}: {item}: {reason}{found}")
    return "\n".join(lines)


def line_of(node: Any, place: Place) -> int:
    """The line of the item at `place`, or of its nearest parent that is there."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in place:
        following = _child(node, part)
        if following is None:
            break
        node = following
        line = node.start_mark.line + 1
    return int(line)


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None
