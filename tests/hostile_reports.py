"""Reports as no grader should ever write them, with evidence as a submission may make it."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.report import Result, Run, build, write
from grader.rubric import Lab

if TYPE_CHECKING:
    from pathlib import Path

from runs import REPO

RUBRIC = Lab(REPO / "tests_lab").rubric
RUN = Run(seed=7, image="i", started="2026-01-01T00:00:00Z", kernel="6")
RAN = "document.documentElement.dataset.ran=1"
ATTACKS = (
    f"<script>{RAN}</script>",
    f'"><img src=x onerror="{RAN}">',
    f"'><svg onload='{RAN}'>",
    f"</style></pre></title><script>{RAN}</script>",
    f"javascript:{RAN}",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<link rel=stylesheet href=http://192.0.2.1/a.css><base href=http://192.0.2.1/>",
    "{{ 7 * 191 }}{% raw %}",
    "\x1b]0;title\x07\u202egnp.exe\u2066\x00",
)
ALL = "\n".join(ATTACKS)
TERABYTE = 1 << 40


def report(name: str, *results: Result) -> dict[str, Any]:
    """A report on made-up results."""
    return build(RUBRIC, RUN, {"id": name, "sha256": "0" * 64}, results, 1.0)


def store(reports: Path, name: str, *results: Result) -> Path:
    """Write a report; returns its folder."""
    write(report(name, *results), reports / name / "report.json")
    return reports / name


def failed(check: str, *evidence: str, message: str = "it failed", hint: str = "") -> Result:
    """A check that was lost."""
    return Result(
        check, "It holds", Verdict.FAILED, 0.0, 1.0, "netns", message, hint, tuple(evidence)
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *, pixels: bool = True) -> bytes:
    """A grey picture; without `pixels` one that only claims to be of that size."""
    rows = (b"\x00" + b"\x80" * width) * height if pixels else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pcap(*frames: bytes, magic: int = 0xA1B23C4D, linktype: int = 1) -> bytes:
    """A pcap file, a packet every millisecond."""
    head = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, linktype)
    return head + b"".join(
        struct.pack("<IIII", 1, at * 1_000_000, len(frame), len(frame)) + frame
        for at, frame in enumerate(frames)
    )


def _files(folder: Path) -> list[str]:
    """Evidence of every evil kind, below 01a.decoys/."""
    place = folder / "01a.decoys"
    place.mkdir(parents=True)
    texts = {
        "all.txt": ALL,
        "page.html": ALL,
        "picture.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RAN}'/>",
        "nothing.bt": ALL,
        "script.sh": ALL,
        "data.csv": ALL,
        "kernel.log": ALL,
        "facts.json": ALL,
        "guide.md": ALL,
        "plot.py": ALL,
        "answers.yaml": ALL,
        "false.png": ALL,
        "false.pcap": ALL,
    }
    for name, text in texts.items():
        (place / name).write_text(text)
    (place / "real.png").write_bytes(png(40, 30))
    (place / "bomb.png").write_bytes(png(60_000, 60_000, pixels=False))
    (place / "noise.pcap").write_bytes(pcap(*(os.urandom(size) for size in range(300))))
    (place / "words.pcap").write_bytes(pcap(b"\x02" * 12 + b"\x08\x00" + ALL.encode()))
    (place / "binary.txt").write_bytes(bytes(range(256)) * 40)
    for name in ("huge.txt", "huge.pcap", "huge.png"):
        with (place / name).open("wb") as file:
            file.write(pcap() if name == "huge.pcap" else b"")
            file.truncate(TERABYTE)
    os.mkfifo(place / "pipe.txt")
    os.mkfifo(place / "pipe.pcap")
    (place / "folder.txt").mkdir()
    (place / "link.txt").symlink_to("/etc/passwd")
    (folder / "away").symlink_to("/etc")
    odd = [f"{place.name}/{name}" for name in ("<b>bold.txt", "'\"&.txt", "a b#c?d%41.txt")]
    for path in odd:
        (folder / path).write_text(ALL)
    named = sorted(f"{place.name}/{path.name}" for path in place.iterdir())
    elsewhere = ["../../etc/passwd", "away/passwd", "/etc/passwd", "", ".", "01a.decoys/gone.txt"]
    return [*named, *elsewhere, *ATTACKS]


def hostile(reports: Path) -> list[str]:
    """A class that attacks its reader; returns the submissions' names."""
    names = ["plain", "a b#c?d%41&e", "<script>alert(1)<", "ünïcödé 学生", "x:y", "javascript:1"]
    for name in names:
        folder = store(reports, name)
        evidence = _files(folder)
        made = [
            Result(f"01a.c{at}", text, verdict, 0.5, 1.0, text, text, text, tuple(evidence[:2]))
            for at, (text, verdict) in enumerate(zip(ATTACKS, Verdict, strict=False))
        ]
        write(
            report(name, *made, failed("01a.decoys", *evidence, message=ALL, hint=ALL)),
            folder / "report.json",
        )
    return names


def broken(reports: Path) -> dict[str, bytes]:
    """Files that are called report.json and are none, by the folder that they lie in."""
    good = report("a", failed("01a.decoys"))
    wrong = {
        "no-json": b"{",
        "empty": b"",
        "a-list": b"[]",
        "not-utf8": b"\xff\xfe\x00",
        "deep": b"[" * 100_000,
        "nan": json.dumps(good | {"score": float("nan")}).encode(),
        "endless": json.dumps(good).replace('"score": 0.0', '"score": 1e999').encode(),
        "no-tasks": json.dumps({k: v for k, v in good.items() if k != "tasks"}).encode(),
        "word": json.dumps(good | {"score": "many"}).encode(),
        "verdict": json.dumps(good).replace("FAILED", "<b>GREAT</b>").encode(),
    }
    for name, data in wrong.items():
        (reports / name).mkdir(parents=True)
        (reports / name / "report.json").write_bytes(data)
    (reports / "a-folder" / "report.json").mkdir(parents=True)
    return wrong | {"a-folder": b""}
