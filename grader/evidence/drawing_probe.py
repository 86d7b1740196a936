"""Writes down, as data, what matplotlib draws: `sitecustomize` in the submission's own Python.

Python imports a module of that name at its start (docs.python.org, site). It imports nothing of
matplotlib's: it waits until the submission does, and then wraps what draws and saves. What it
writes can be forged by the submission; whoever reads it must treat it so.
"""

import atexit
import functools
import hashlib
import importlib.abc
import importlib.machinery
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).resolve().parent / "drawn"
POINTS_OF_ONE, POINTS_OF_ALL = 2_000, 20_000
MANY, TICKS = 64, 600
LONG = 200
# The backends that draw without a screen.
FILES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}
NOTHING = {"None", "none", "", " ", None}
# What shows numbers as they are, perhaps with a common factor that is shown, too.
PLAIN = {"ScalarFormatter", "LogFormatter", "LogFormatterSciNotation", "LogFormatterMathtext"}


class State:
    """What this process has done so far."""

    target: str | None = None
    targets: list[str] = []
    shown = 0
    saved = 0
    early = False
    trouble = ""
    switched = ""
    busy = False


def short(text: object) -> str:
    """A text that is bounded and can be written."""
    return str(text)[:LONG].encode("utf-8", "replace").decode()


class Points:
    """Coordinates, bounded in number."""

    def __init__(self) -> None:
        self.left = POINTS_OF_ALL

    def take(self, pairs: Iterable[tuple[Any, Any]]) -> list[tuple[float, float]]:
        """Those of the first pairs that are finite."""
        found = []
        for _, (x, y) in zip(range(min(self.left, POINTS_OF_ONE)), pairs, strict=False):
            pair = float(x), float(y)
            if math.isfinite(pair[0]) and math.isfinite(pair[1]):
                found.append(pair)
        self.left -= len(found)
        return found


def figure(drawn: Any) -> dict[str, Any]:
    """A figure after it was drawn."""
    points = Points()
    every = drawn.axes[:MANY]
    parts = [drawn, *drawn.subfigs][:MANY]
    return {
        "axes": [axes(one, every, points) for one in every],
        "texts": [
            {
                "text": short(text.get_text()),
                "x": float(text.get_position()[0]),
                "y": float(text.get_position()[1]),
                "rotation": float(text.get_rotation()),
            }
            for part in parts
            for text in part.texts[:MANY]
            if text.get_visible()
        ],
    }


def axes(one: Any, every: list[Any], points: Points) -> dict[str, Any]:
    """One pair of axes and what was drawn in it."""
    legend = one.get_legend()
    return {
        "visible": bool(one.get_visible()),
        "box": [float(number) for number in one.get_position().bounds],
        "x": axis(one.xaxis, shown=one.axison),
        "y": axis(one.yaxis, shown=one.axison),
        "shares_x": [n for n, other in enumerate(every) if joined(one, other)],
        "title": short(one.get_title()),
        "legend": [short(text.get_text()) for text in legend.get_texts()[:MANY]] if legend else [],
        "notes": len(one.texts),
        "series": [entry for entry in series(one, points) if entry["points"]],
    }


def joined(one: Any, other: Any) -> bool:
    """Whether two axes share their x."""
    return bool(one is not other and one.get_shared_x_axes().joined(one, other))


def axis(one: Any, *, shown: bool) -> dict[str, Any]:
    """The x or the y of axes."""
    shown = bool(shown and one.get_visible())
    mapping = getattr(getattr(one, "units", None), "_mapping", None)
    ticks = [*one.get_major_ticks(), *one.get_minor_ticks()][:TICKS] if shown else []
    return {
        "label": short(one.label.get_text()) if shown and one.label.get_visible() else "",
        "scale": short(one.get_scale()),
        "view": [float(number) for number in one.get_view_interval()],
        "categories": None if mapping is None else [short(name) for name in mapping][:1000],
        "plain": type(one.get_major_formatter()).__name__ in PLAIN,
        "offset": short(one.get_offset_text().get_text()),
        "ticks": [
            (float(tick.get_loc()), short(label.get_text()))
            for tick in ticks
            for label in (tick.label1, tick.label2)
            if tick.get_visible() and label.get_visible() and label.get_text().strip()
        ],
    }


def series(one: Any, points: Points) -> Iterator[dict[str, Any]]:
    """Lines, markers, bars and areas, each as points in the data's own coordinates."""
    for line in one.get_lines()[:1000]:
        if in_data(line, one):
            pairs = zip(line.get_xdata(orig=False), line.get_ydata(orig=False), strict=False)
            bare = line.get_linestyle() in NOTHING and line.get_marker() in NOTHING
            yield entry("line", line, points.take(pairs), hidden=bare)
    for collection in one.collections[:1000]:
        places = offsets(collection, one) or vertices(collection, one)
        yield entry("points", collection, points.take(places))
    for patch in one.patches[:POINTS_OF_ONE]:
        if in_data(patch, one):
            kind = "bars" if hasattr(patch, "get_width") else "area"
            corners = bar(patch) if kind == "bars" else patch.get_path().vertices
            yield entry(kind, patch, points.take(corners))


def entry(
    kind: str, artist: Any, found: list[tuple[float, float]], *, hidden: bool = False
) -> dict[str, Any]:
    """One thing that was drawn."""
    hidden = hidden or not artist.get_visible() or artist.get_alpha() == 0
    label = short(artist.get_label())
    return {"kind": kind, "label": label, "hidden": bool(hidden), "points": found}


def in_data(artist: Any, one: Any) -> bool:
    """Whether an artist's coordinates are the data's, in x and in y."""
    return all(artist.get_transform().contains_branch_seperately(one.transData))


def offsets(collection: Any, one: Any) -> list[tuple[Any, Any]]:
    """Where a scatter plot's markers are."""
    if not all(collection.get_offset_transform().contains_branch_seperately(one.transData)):
        return []
    places = collection.get_offsets()[:POINTS_OF_ONE]
    return list(places.filled(math.nan) if hasattr(places, "filled") else places)


def vertices(collection: Any, one: Any) -> list[tuple[Any, Any]]:
    """The corners of lines and areas, and the middles of lines with two ends."""
    if not in_data(collection, one):
        return []
    found = []
    for path in collection.get_paths()[:POINTS_OF_ONE]:
        ends = list(path.vertices[:POINTS_OF_ONE])
        if len(ends) == 2:
            ends.append((ends[0] + ends[1]) / 2)
        found += ends
    return found


def bar(patch: Any) -> list[tuple[Any, Any]]:
    """The middle and the ends of a bar's top, and the end of one that lies."""
    if not hasattr(patch, "get_y"):
        return []
    x, y, width, height = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
    top = y + height
    return [(x + width / 2, top), (x, top), (x + width, top), (x + width, y + height / 2)]


def write(name: str, what: dict[str, Any]) -> None:
    """Write a file whole, or not at all."""
    FOLDER.mkdir(exist_ok=True)
    part = FOLDER / f"{name}.{os.getpid()}"
    part.write_bytes(json.dumps(what, allow_nan=False).encode())
    part.rename(FOLDER / f"{name}.json")


def tell() -> None:
    """Write down what this process has done so far."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    figures = len(pyplot.get_fignums()) if pyplot is not None else 0
    facts = {
        "shown": State.shown,
        "early": State.early,
        "figures": figures,
        "targets": State.targets[:MANY],
        "trouble": State.trouble,
        "switched": State.switched,
    }
    write("facts", facts)


def guarded(work: Callable[..., None]) -> Callable[..., None]:
    """`work`, which never disturbs the submission."""

    @functools.wraps(work)
    def run(*args: Any) -> None:
        if State.busy:
            return
        State.busy = True
        try:
            work(*args)
        except Exception as error:
            State.trouble = short(f"{type(error).__name__}: {error}")
        finally:
            State.busy = False

    return run


@guarded
def record(drawn: Any) -> None:
    """Write down a figure under the name of the file that it goes to, and as the last one."""
    found = figure(drawn)
    if State.target is not None:
        write(hashlib.sha256(os.fsencode(State.target)).hexdigest(), found)
    write("last", found)
    tell()


@guarded
def at_exit() -> None:
    """Write down how it ended."""
    tell()


@contextmanager
def saving(target: Any) -> Iterator[None]:
    """What is drawn meanwhile goes to `target`."""
    State.saved += 1
    before = State.target
    name = getattr(target, "name", target)
    if isinstance(name, str | bytes | os.PathLike) and before is None:
        State.target = str(Path(os.fsdecode(name)).resolve())
        if State.target not in State.targets[:MANY]:
            State.targets.append(State.target)
    try:
        yield
    finally:
        State.target = before


def wrap_figure(module: ModuleType) -> None:
    """Look at each figure that was drawn."""
    draw = module.Figure.draw

    @functools.wraps(draw)
    def drawn(self: Any, *args: Any, **options: Any) -> Any:
        result = draw(self, *args, **options)
        record(self)
        return result

    module.Figure.draw = drawn


def wrap_save(kind: Any, name: str) -> None:
    """Know which file a figure goes to."""
    save = getattr(kind, name)

    @functools.wraps(save)
    def saved(self: Any, filename: Any, *args: Any, **options: Any) -> Any:
        with saving(filename):
            return save(self, filename, *args, **options)

    setattr(kind, name, saved)


def wrap_use(module: ModuleType, name: str) -> None:
    """A backend that needs a screen is one that needs none."""
    use = getattr(module, name)

    @functools.wraps(use)
    def used(backend: Any, *args: Any, **options: Any) -> Any:
        if str(backend).lower() not in FILES and not str(backend).startswith("module:"):
            State.switched = short(backend)
            backend = "agg"
        return use(backend, *args, **options)

    setattr(module, name, used)


def wrap_pyplot(module: ModuleType) -> None:
    """Count calls of show()."""
    show = module.show

    @functools.wraps(show)
    def shown(*args: Any, **options: Any) -> Any:
        State.shown += 1
        State.early = State.early or not State.saved
        at_exit()
        return show(*args, **options)

    module.show = shown  # type: ignore[attr-defined]
    wrap_use(module, "switch_backend")
    # What is registered last runs first: before pyplot forgets its figures.
    atexit.unregister(at_exit)
    atexit.register(at_exit)


HOOKS: dict[str, Callable[[Any], None]] = {
    "matplotlib": lambda module: wrap_use(module, "use"),
    "matplotlib.figure": wrap_figure,
    "matplotlib.backend_bases": lambda module: wrap_save(module.FigureCanvasBase, "print_figure"),
    "matplotlib.backends.backend_agg": lambda module: wrap_save(
        module.FigureCanvasAgg, "print_png"
    ),
    "matplotlib.pyplot": wrap_pyplot,
}


class Finder(importlib.abc.MetaPathFinder):
    """Finds modules as Python does, and has some of them wrapped once they are loaded."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The module's specification."""
        if fullname not in HOOKS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def loaded(module: ModuleType) -> None:
            execute(module)
            try:
                HOOKS[fullname](module)
            except Exception as error:
                State.trouble = short(f"{fullname}: {error}")

        loader.exec_module = loaded
        return spec


sys.meta_path.insert(0, Finder())
atexit.register(at_exit)
