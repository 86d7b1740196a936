"""What a script drew with matplotlib: the figure as data, and the picture it saved.

The script runs in a sandbox of its own, with drawing_probe.py in its Python. What the probe says
can be forged by the script, and is read like any other hostile text. The picture is never decoded
here: a second sandbox does that, in a fresh Python.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from grader.disposable import Disposable
from grader.document import Strict
from grader.errors import GraderError
from grader.sandbox import Limits, Sandbox
from grader.sandbox.sandbox import WORK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.machine.client import Machine
    from grader.machine.process import Completed, Process

MIB = 1024 * 1024
LARGEST = 8 * MIB
LIMITS = Limits(output=LARGEST, cpu_s=400)
PROBE = "/run/figure"
# matplotlib's list of fonts lies in the image, where it cannot be written (fixtures/image/finish).
PREPARE = f'cp -r /usr/local/share/matplotlib {PROBE} && exec cat >"$1"'
ENVIRONMENT = {
    "PYTHONPATH": PROBE,
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": PROBE,
    # One thread a processor would be many on a large machine, each with memory of its own.
    "OPENBLAS_NUM_THREADS": "1",
}
QUICK = 20.0
LIST = ("find", WORK, "-type", "f", "-size", "+0", "-printf", "%P\\0")
PIXELS = 100_000_000
# Standard input: the picture. `blank`: all of it has one colour.
LOOK = """
import hashlib, io, json, sys
from PIL import Image
Image.MAX_IMAGE_PIXELS, FEW = None, 4_000_000
try:
    with Image.open(io.BytesIO(sys.stdin.buffer.read())) as image:
        size = image.size
        if size[0] * size[1] > int(sys.argv[1]):
            raise ValueError(f"it has {size[0]} x {size[1]} pixels")
        kind = image.format
        image.load()
        blank = image.getextrema()
        if size[0] * size[1] > FEW:
            image = image.resize((2000, 2000), Image.Resampling.NEAREST)
        image = image.convert("RGB")
except Exception as error:
    print(json.dumps({"damage": str(error)[:200]}))
else:
    bands = blank if isinstance(blank[0], tuple) else (blank,)
    blank = all(low == high for low, high in bands)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    print(json.dumps({"kind": kind, "size": size, "blank": blank, "digest": digest}))
"""
KINDS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"%PDF": "a PDF",
    b"\xff\xd8\xff": "a JPEG",
    b"<?xml": "an SVG or other XML",
    b"<svg": "an SVG",
    b"%!PS": "PostScript",
    b"RIFF": "a WebP",
    b"GIF8": "a GIF",
}

Text = Annotated[str, Field(max_length=400)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Point = tuple[Number, Number]
M = TypeVar("M", bound=Strict)


class Axis(Strict):
    """The x or the y of axes: what is written at it, and how numbers become places.

    `categories` are the names, in order, that stand at 0, 1, 2, … where text was drawn. `ticks`
    are the places that have a text. `plain`: these show the numbers themselves.
    """

    label: Text
    scale: Text
    view: Point
    categories: Annotated[tuple[Text, ...], Field(max_length=1000)] | None
    plain: bool
    offset: Text
    ticks: Annotated[tuple[tuple[Number, Text], ...], Field(max_length=1200)]

    def shows(self, value: float) -> bool:
        """Whether a value lies within what is shown, or could lie nowhere on this scale."""
        if self.scale == "log" and value <= 0:
            return True
        low, high = sorted(self.view)
        slack = (high - low) * 1e-6
        return low - slack <= value <= high + slack


class Series(Strict):
    """A line, markers, bars or an area, by its points; `hidden` if there is nothing to see."""

    kind: Literal["line", "points", "bars", "area"]
    label: Text
    hidden: bool
    points: Annotated[tuple[Point, ...], Field(max_length=2_000)]


class Axes(Strict):
    """One plot of a figure. `box`: left, bottom, width and height, as parts of the figure's."""

    visible: bool
    box: tuple[Number, Number, Number, Number]
    x: Axis
    y: Axis
    shares_x: Annotated[tuple[int, ...], Field(max_length=64)]
    title: Text
    legend: tuple[Text, ...]
    notes: int
    series: Annotated[tuple[Series, ...], Field(max_length=5_000)]

    @property
    def drawn(self) -> tuple[Series, ...]:
        """What can be seen."""
        return tuple(one for one in self.series if self.visible and not one.hidden)

    def above(self, other: Axes) -> bool:
        """Whether it stands in the same column as `other`, higher or at the same place."""
        middle = self.box[0] + self.box[2] / 2
        return other.box[0] < middle < other.box[0] + other.box[2] and self.box[1] >= other.box[1]


class FigureText(Strict):
    """A text of the figure's own, such as a label that several plots share."""

    text: Text
    x: Number
    y: Number
    rotation: Number


class Figure(Strict):
    """A figure as it was when it was drawn."""

    axes: Annotated[tuple[Axes, ...], Field(max_length=64)]
    texts: Annotated[tuple[FigureText, ...], Field(max_length=5_000)]

    def sharing(self, one: Axes) -> list[Axes]:
        """The other axes that share their x with these."""
        return [self.axes[n] for n in one.shares_x if 0 <= n < len(self.axes)]


class Facts(Strict):
    """What else the script did: windows it would have shown, figures left, files it saved to.

    `early`: it showed one before it saved any.
    `switched`: the backend it asked for that needs a screen; `trouble`: our probe's own.
    """

    shown: int = 0
    early: bool = False
    figures: int = 0
    targets: tuple[Annotated[str, Field(max_length=5000)], ...] = ()
    trouble: Text = ""
    switched: Text = ""


class Picture(Strict):
    """What is in an image file: `damage` says why it cannot be decoded."""

    damage: str = ""
    kind: str = ""
    size: tuple[int, int] = (0, 0)
    blank: bool = False
    digest: str = ""


@dataclass(frozen=True)
class Drawn:
    """What came of a script: how it ended, the files it left, and its figure, if it saved one."""

    outcome: str
    exit: int | None
    flooded: bool
    said: str
    names: tuple[str, ...]
    image: bytes | None
    figure: Figure | None
    facts: Facts

    @property
    def kind(self) -> str:
        """What the file of the figure is, by its first bytes."""
        start = (self.image or b"").lstrip()
        return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), "no image")


class Drawing(Disposable):
    """A running plot script, with its files in the work folder of a sandbox of its own."""

    def __init__(
        self,
        machine: Machine,
        files: Mapping[str, bytes],
        command: tuple[str, ...],
        figure: str,
    ) -> None:
        """Start `command`, which is to save its figure to the file `figure`."""
        self._sandbox = Sandbox(machine, LIMITS)
        self._figure = figure
        self._files = set(files)
        try:
            self._prepare(files)
            self._process: Process = self._sandbox.start(*command, env=ENVIRONMENT)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Kill what is left of it."""
        self._sandbox.close()

    def finish(self, within: float) -> Drawn:
        """Wait for its end, at most `within` seconds; then it is killed. What came of it."""
        done = self._process.finish(within)
        names = tuple(sorted(set(self._names()) - self._files))
        image = self._read(f"{WORK}/{self._figure}") if self._figure in names else None
        target = hashlib.sha256(f"{WORK}/{self._figure}".encode()).hexdigest()
        figure = self._told(target, Figure) or self._told("last", Figure)
        facts = self._told("facts", Facts) or Facts()
        if figure is None and facts.trouble:
            raise GraderError(f"the probe of matplotlib failed: {facts.trouble}")
        return Drawn(
            outcome=done.outcome,
            exit=done.exit,
            flooded=done.flooded,
            said=_readable(done),
            names=names,
            image=image,
            figure=figure,
            facts=facts,
        )

    def _prepare(self, files: Mapping[str, bytes]) -> None:
        probe = resources.files("grader.evidence").joinpath("drawing_probe.py").read_bytes()
        path = f"{PROBE}/sitecustomize.py"
        done = self._sandbox.run("sh", "-c", PREPARE, "sh", path, stdin=probe, timeout=QUICK)
        if done.exit != 0:
            raise GraderError(f"the probe of matplotlib {done.outcome}: {done.complaints[-300:]}")
        for name, data in files.items():
            self._sandbox.put(name, data)

    def _names(self) -> list[str]:
        """Regular files below the work folder, by their paths in it, that are not empty."""
        listed = self._sandbox.run(*LIST, timeout=QUICK).output
        return listed.split("\0")[:-1]

    def _read(self, path: str) -> bytes | None:
        """The file's bytes, None if they are too many."""
        done = self._sandbox.run("head", "-c", str(LARGEST + 1), path, timeout=QUICK)
        return None if done.flooded or len(done.stdout) > LARGEST else done.stdout

    def _told(self, name: str, model: type[M]) -> M | None:
        """What the probe has written under a name, if that can be so."""
        said = self._read(f"{PROBE}/drawn/{name}.json")
        try:
            return model.model_validate(json.loads(said or b""))
        except (ValidationError, ValueError, RecursionError):
            return None


def _readable(done: Completed) -> str:
    """The end of what it complained about or printed, without what a terminal would obey."""
    text = (done.complaints.strip() or done.output.strip())[-4000:]
    return "".join(one for one in text if one.isprintable() or one in "\n\t")


def look_at(machine: Machine, image: bytes) -> Picture:
    """What is in an image file; it is decoded in a sandbox that nothing else has run in."""
    command = ("python3", "-I", "-c", LOOK, str(PIXELS))
    with Sandbox(machine) as sandbox:
        done = sandbox.run(*command, stdin=image, timeout=QUICK * 3)
    try:
        return Picture.model_validate_json(done.stdout)
    except ValidationError:
        # What decodes it runs out of memory or time only for an image that is made to.
        return Picture(damage=f"decoding it {done.outcome}")
