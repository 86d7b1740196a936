"""What matplotlib draws is known as data, whatever the script does to hide or to forge it."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from grader.evidence import Drawing, Drawn, look_at

if TYPE_CHECKING:
    from grader.machine.client import Machine

TWO = """
import sys
import matplotlib.pyplot as plt
figure, (left, right) = plt.subplots(1, 2)
left.plot([1, 2, 3], [4, 5, 6], label="line")
left.set_xlabel("below")
left.set_ylabel("beside")
left.legend()
"""
SAVE = "plt.savefig('out.png')\n"
SCRIPTS = {
    "markers": "right.scatter([1, 2], [3, 4])\nright.set_yscale('log')\n" + SAVE,
    "bars": "right.bar(['a', 'b'], [7, 8], 0.5)\n" + SAVE,
    "hidden": "right.plot([1], [2], visible=False)\nright.plot([1], [2], ls='', marker='')\n"
    + SAVE,
    "not-data": "right.axhline(3)\nright.axvspan(1, 2)\n" + SAVE,
    "with-ends": "right.vlines([1, 2], 0, [5, 6])\nright.fill_between([7, 8], [9, 9])\n" + SAVE,
    "memory": "import io\nb = io.BytesIO()\nplt.savefig(b)\n"
    "open('out.png', 'wb').write(b.getvalue())",
    "handle": "with open('out.png', 'wb') as file:\n plt.savefig(file)\nplt.figure()\n",
    "another": "plt.savefig('other.png')\nplt.savefig('/tmp/third.png')\nplt.show()\n",
    "screen": "import matplotlib as m\nplt.switch_backend('TkAgg')\nm.use('Qt5Agg')\n" + SAVE,
    "exits": SAVE + "import os\nos._exit(3)\n",
    "many": "right.plot(range(10 ** 6))\n" + SAVE,
    "shadows": "import builtins\nopen = len = print = None\nsys.stdout.close()\n" + SAVE,
    "damaged": SAVE + "import glob\n[open(f, 'w').write('[' * 9 ** 5) for f in "
    "glob.glob('/run/figure/drawn/*')]\nsys.meta_path.clear()\nimport os\nos._exit(0)",
    "pipe": "import os\nos.mkfifo('out.png')\n",
    "link": "import os\nos.symlink('/dev/zero', 'out.png')\n",
    "huge": "f = open('out.png', 'wb')\nf.write(b'x' * 9 * 2**20)\n",
    "flood": SAVE + "print('x' * 10 ** 8)\n",
    "daemon": "import os\nif os.fork() == 0:\n os.setsid()\n while True: pass\n" + SAVE,
}


def draw(machine: Machine, *scripts: str, within: float = 60) -> list[Drawn]:
    """What scripts draw, run at the same time."""
    with ExitStack() as end:
        started = [
            end.enter_context(
                Drawing(machine, {"p.py": one.encode()}, ("python3", "p.py"), "out.png")
            )
            for one in scripts
        ]
        return [one.finish(within) for one in started]


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest) -> dict[str, Drawn]:
    """What came of each script, by its name."""
    machine: Machine = request.getfixturevalue("machine")
    names, found = list(SCRIPTS), {}
    for start in range(0, len(names), 4):
        some = names[start : start + 4]
        done = draw(machine, *(TWO + SCRIPTS[name] for name in some))
        found |= dict(zip(some, done, strict=True))
    return found


def points(one: Drawn, axes: int) -> list[tuple[float, float]]:
    """All points that can be seen in axes of the saved figure."""
    assert one.figure is not None, one.said
    return [point for series in one.figure.axes[axes].drawn for point in series.points]


def test_a_line_and_its_axes(drawn: dict[str, Drawn]) -> None:
    """Points, labels, legend, ticks and limits are those of the figure."""
    left = drawn["markers"].figure.axes[0]  # type: ignore[union-attr]
    assert left.series[0].points == ((1, 4), (2, 5), (3, 6))
    assert (left.x.label, left.y.label, left.legend) == ("below", "beside", ("line",))
    assert left.x.shows(2)
    assert not left.x.shows(30)
    assert (1.0, "1.0") in left.x.ticks


def test_markers_and_bars(drawn: dict[str, Drawn]) -> None:
    """Markers are where they stand; bars at the middle and the ends of their top."""
    assert points(drawn["markers"], 1) == [(1, 3), (2, 4)]
    assert {(0, 7), (1, 8), (-0.25, 7)} <= set(points(drawn["bars"], 1))
    right = drawn["bars"].figure.axes[1]  # type: ignore[union-attr]
    assert right.x.categories == ("a", "b")


def test_lines_with_two_ends_and_areas(drawn: dict[str, Drawn]) -> None:
    """Their ends, middles and corners are points."""
    assert {(1, 5), (1, 2.5), (2, 6), (7, 9), (8, 9)} <= set(points(drawn["with-ends"], 1))


@pytest.mark.parametrize("name", ["hidden", "not-data"])
def test_what_shows_no_data_is_nothing(drawn: dict[str, Drawn], name: str) -> None:
    """What cannot be seen, or marks a place at the axis, is no data."""
    assert points(drawn[name], 1) == []


@pytest.mark.parametrize("name", ["memory", "handle", "screen", "exits", "shadows", "daemon"])
def test_ways_to_save(drawn: dict[str, Drawn], name: str) -> None:
    """The figure is known however it got into the file, and whatever happens then."""
    assert drawn[name].kind == "PNG", drawn[name].said
    assert points(drawn[name], 0) == [(1, 4), (2, 5), (3, 6)]


def test_other_files_and_windows(drawn: dict[str, Drawn]) -> None:
    """What was saved elsewhere or only shown is known, too."""
    one = drawn["another"]
    assert one.image is None
    assert one.names == ("other.png",)
    assert one.facts.targets == ("/work/other.png", "/tmp/third.png")
    assert (one.facts.shown, one.facts.early, one.facts.figures) == (1, False, 1)
    assert drawn["screen"].facts.switched == "Qt5Agg"


def test_what_is_told_is_bounded(drawn: dict[str, Drawn]) -> None:
    """Of a million points some are told."""
    assert 100 < len(points(drawn["many"], 1)) < 10_000


def test_what_is_told_can_be_damaged(drawn: dict[str, Drawn]) -> None:
    """What cannot be read is no figure."""
    assert drawn["damaged"].figure is None
    assert drawn["damaged"].kind == "PNG"


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_no_regular_file_is_no_picture(drawn: dict[str, Drawn], name: str) -> None:
    """A pipe or a link in the figure's place is not read."""
    assert drawn[name].image is None
    assert "out.png" not in drawn[name].names


def test_too_large(drawn: dict[str, Drawn]) -> None:
    """A file or an output that is too large is known to be."""
    assert drawn["huge"].image is None
    assert "out.png" in drawn["huge"].names
    assert drawn["flood"].flooded


def test_a_script_that_does_not_end(machine: Machine) -> None:
    """It is killed, and what it did until then is known."""
    (one,) = draw(machine, TWO + SAVE + "while True: pass\n", within=15)
    assert one.exit is None
    assert one.kind == "PNG"


def png(width: int, height: int, *, colours: bytes = b"\0") -> bytes:
    """A PNG of grey pixels, after RFC 2083."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)))
    row = b"\0" + (colours * width)[:width]
    file.write(chunk(b"IDAT", zlib.compress(row * min(height, 1000))) + chunk(b"IEND", b""))
    return file.getvalue()


def test_pictures(machine: Machine) -> None:
    """Blank, damaged and exploding pictures are told from others."""
    assert look_at(machine, png(20, 10)).blank
    seen = look_at(machine, png(20, 10, colours=b"\0\xff"))
    assert (seen.blank, seen.kind, seen.size) == (False, "PNG", (20, 10))
    assert look_at(machine, png(20, 10)[:-30]).damage
    assert look_at(machine, b"GIF89a").damage
    assert "pixels" in look_at(machine, png(60_000, 60_000)).damage
