"""Which submissions of a class are alike, file by file, in what is the students' own.

Comments, blanks and lines that the lab gives are left out, and so are lines that a third of the
class has. What is left is compared token by token. Being alike proves nothing: a person looks.
"""

from __future__ import annotations

import random
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from statistics import median
from typing import TYPE_CHECKING

from rapidfuzz.distance import Indel

from grader.errors import BadInput, CheckFailed
from grader.submission import SLASHES, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

THRESHOLD = 85.0
FEWEST = 30  # tokens: what is shorter is alike by nature
LONGEST = 2000  # tokens of a file that are compared
CLASS = 6  # from so many files on, what is usual in a class can be told
PAIRS = 400  # that are drawn to tell it
EXCERPT = 12
# Pairs are only compared if their sketches meet: the least hashes of their runs of so many tokens.
# Of two that are alike to 80 % a third of the runs are the same, even if the rest is spread evenly.
RUN, SKETCH, MEET = 4, 96, 6
GIVEN_LARGEST = 1024 * 1024
# Behind a blank, as in shell, Python and YAML: `$#` and `${a#b}` are no comments.
HASHES = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
TOKEN = re.compile(r"\d+(?:\.\d+)?|\w+|[^\w\s]")
# So many kinds of token are told apart, each by one character, below the surrogates.
KINDS = 0xD000


@dataclass(frozen=True)
class Line:
    """A line of a file that is the student's own."""

    number: int
    text: str
    bare: str


@dataclass(frozen=True)
class Work:
    """What is a student's own in a file: its lines, its tokens, and the line of each token."""

    student: str
    lines: tuple[Line, ...] = field(repr=False)
    tokens: str = field(repr=False)
    places: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True)
class Pair:
    """Two students' files that are alike, with the longest part that is the same in both."""

    file: str
    students: tuple[str, str]
    score: float
    usual: float | None
    size: int
    excerpts: tuple[tuple[Line, ...], tuple[Line, ...]] = field(repr=False)


@dataclass(frozen=True)
class Alike:
    """What was found in a class."""

    pairs: tuple[Pair, ...]
    compared: Mapping[str, int]


def look(
    submissions: Mapping[str, Path],
    files: Iterable[str],
    *,
    given: Iterable[Path] = (),
    threshold: float = THRESHOLD,
) -> Alike:
    """Compare `files` of all `submissions`; most alike first.

    `given` are files and folders whose lines are nobody's own. Raises BadInput for less than two.
    """
    if len(submissions) < 2:
        raise BadInput(f"expected two submissions or more to compare, found {len(submissions)}")
    handed = _given(given)
    pairs: list[Pair] = []
    compared = {}
    for name in files:
        works = _works(submissions, name, handed)
        compared[name] = len(works)
        pairs += _pairs(name, works, threshold)
    return Alike(tuple(sorted(pairs, key=lambda one: (-one.score, one.students))), compared)


def _given(paths: Iterable[Path]) -> set[str]:
    """The lines, without blanks, of the files at `paths`, or in the folders."""
    found: set[str] = set()
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file() and file.stat().st_size <= GIVEN_LARGEST:
                text = file.read_text(encoding="utf-8", errors="replace")
                found |= {_bare(line) for line in text.splitlines()}
                found |= {_bare(line) for line in _uncommented(file.name, text).splitlines()}
                # What a handout shows within a sentence.
                found |= {_bare(word) for word in re.findall(r"`([^`\n]+)`", text)}
    return found


def _works(submissions: Mapping[str, Path], name: str, given: set[str]) -> list[Work]:
    """What is the students' own in the files `name`, where it is enough to be compared."""
    lines = {one: _lines(folder, name, given) for one, folder in submissions.items()}
    lines = {one: found for one, found in lines.items() if found}
    seen = Counter(bare for found in lines.values() for bare in {line.bare for line in found})
    usual = {bare for bare, count in seen.items() if count * 3 > len(lines) >= CLASS}
    vocabulary: dict[str, int] = {}
    works = [
        _work(one, [line for line in found if line.bare not in usual], vocabulary)
        for one, found in lines.items()
    ]
    return [one for one in works if len(one.tokens) >= FEWEST]


def _lines(folder: Path, name: str, given: set[str]) -> list[Line]:
    try:
        text = Submission(folder.name, folder).read(name).text
    except CheckFailed:  # not handed in, or no plain text
        return []
    found = enumerate(
        zip(text.split("\n"), _uncommented(name, text).split("\n"), strict=True), start=1
    )
    lines = [Line(number, line, _bare(code)) for number, (line, code) in found]
    return [line for line in lines if line.bare and line.bare not in given]


def _uncommented(name: str, text: str) -> str:
    """The text without comments, on as many lines."""
    pattern = SLASHES if PurePath(name).suffix == ".bt" else HASHES
    return pattern.sub(lambda found: "\n" * found.group().count("\n"), text)


def _bare(line: str) -> str:
    return "".join(line.split())


def _work(student: str, lines: Sequence[Line], vocabulary: dict[str, int]) -> Work:
    tokens: list[str] = []
    places: list[int] = []
    for place, line in enumerate(lines):
        for token in TOKEN.findall(_uncommented("", line.text)):
            kind = vocabulary.setdefault(token, len(vocabulary)) % KINDS
            tokens.append(chr(kind + 1))
            places.append(place)
        if len(tokens) > LONGEST:
            break
    return Work(student, tuple(lines), "".join(tokens[:LONGEST]), tuple(places[:LONGEST]))


def _pairs(name: str, works: list[Work], threshold: float) -> list[Pair]:
    """The pairs that are more alike than `threshold`, and by far more than is usual."""
    usual = _usual(works)
    least = max(threshold, (usual + 100) / 2 if usual is not None else 0) / 100
    found = []
    for one, other in _candidates(works):
        score = Indel.normalized_similarity(one.tokens, other.tokens, score_cutoff=least)
        if score:
            found.append(_pair(name, one, other, score, usual))
    return found


def _candidates(works: list[Work]) -> Iterator[tuple[Work, Work]]:
    """The pairs that have runs of tokens in common."""
    sketches = [_sketch(one.tokens) for one in works]
    for at, one in enumerate(works):
        for k in range(at + 1, len(works)):
            if len(sketches[at] & sketches[k]) >= MEET:
                yield one, works[k]


def _sketch(tokens: str) -> frozenset[int]:
    runs = {tokens[at : at + RUN] for at in range(len(tokens) - RUN + 1)}
    return frozenset(sorted(zlib.crc32(one.encode()) for one in runs)[:SKETCH])


def _usual(works: list[Work]) -> float | None:
    """How alike two of the class are: the median of some pairs; None for few files."""
    if len(works) < CLASS:
        return None
    drawn = random.Random(len(works))  # noqa: S311 repeatable, not secret
    pairs = [drawn.sample(works, 2) for _ in range(PAIRS)]
    return 100 * median(Indel.normalized_similarity(a.tokens, b.tokens) for a, b in pairs)


def _pair(name: str, one: Work, other: Work, score: float, usual: float | None) -> Pair:
    blocks = [block for block in Indel.opcodes(one.tokens, other.tokens) if block.tag == "equal"]
    best = max(blocks, key=lambda block: block.src_end - block.src_start)
    excerpts = (
        _excerpt(one, best.src_start, best.src_end),
        _excerpt(other, best.dest_start, best.dest_end),
    )
    size = min(len(one.tokens), len(other.tokens))
    return Pair(name, (one.student, other.student), 100 * score, usual, size, excerpts)


def _excerpt(work: Work, start: int, end: int) -> tuple[Line, ...]:
    first, last = work.places[start], work.places[end - 1]
    return work.lines[first : min(last + 1, first + EXCERPT)]
