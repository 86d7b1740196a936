"""Addresses in what programs print for people."""

from __future__ import annotations

import random

import pytest

from grader.evidence.addresses import lines_with_addresses, marks

HOST = "10.1.2.3"


def found(output: str) -> list[tuple[str, ...]]:
    """The addresses of each line that has any."""
    return [line.addresses for line in lines_with_addresses(output)]


@pytest.mark.parametrize(
    "line",
    [
        HOST,
        f"  {HOST}\r",
        f"{HOST}:",
        f"\t{HOST}.",
        f"({HOST})",
        f"{HOST}\tb8:27:eb:00:00:01\tRaspberry Pi Foundation",
        f"{HOST} - 08:00:27:00:00:01",
        f"\x1b[1;31m{HOST}\x1b[0m",
        f"\x1b[38;5;196m{HOST}\x1b(B\x1b[m",
        f"\x1b]8;;http://x\x07{HOST}\x1b]8;;\x07",
        f"\\e[31m{HOST}\\e[0m",
        f"| {HOST} | no echo |",
        f'"{HOST}",',
        f"PING {HOST} ({HOST}) 56(84) bytes of data.",
        f"{HOST}/32 is silent",
        f"\rscanning 10.1.2.200\r\x1b[K{HOST}",
        f"scanning 10.1.2.200\x1b[2K\r{HOST}",
        "10.1.2.4\b3",
        "010.001.002.003",
        f"host......{HOST}",
        f"Scanning 10.1.2.0/24: {HOST}",
        f"Scanning 10.1.2.1-254: {HOST}",
        f"10.1.2.1 - 10.1.2.254: {HOST}",
    ],
)
def test_an_address_is_found_in_any_dress(line: str) -> None:
    """Colours, punctuation, tables, networks and ranges beside it do not hide a host's address."""
    assert found(f"first\n{line}\nlast") == [(HOST,)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "10.1.2",
        "10.1.2.256",
        "1.10.1.2.3",
        "10.1.2.3.4",
        "110.1.2.3000",
        "Scanning 10.1.2.0/24",
        "10.1.2.1-254",
        "from 10.1.2.1 to 10.1.2.254",
        "10.1.2.1..10.1.2.254",
        "\rscanning 10.1.2.7\r\x1b[K",
        "10.1.2.*",
    ],
)
def test_what_names_no_host_is_not_found(line: str) -> None:
    """Parts of longer numbers, networks, ranges and what was overwritten are no host's address."""
    assert found(line) == []


def test_several_addresses_of_a_line_are_told() -> None:
    """A line's addresses come in order, each once."""
    assert found("10.1.2.3 10.1.2.4 10.1.2.3\n10.1.2.9 - 10.1.2.5") == [
        ("10.1.2.3", "10.1.2.4"),
        ("10.1.2.9", "10.1.2.5"),
    ]


@pytest.mark.parametrize(
    "arrow", ["==>", "=>", "->", "-->", "→", "==> [", "==>\x1b[1;32m ", r"==> \e[31m"]
)
@pytest.mark.parametrize(("word", "mark"), [("ok", "ok"), ("FAIL", "fail"), ("Failed", "fail")])
def test_an_arrow_marks_a_host(arrow: str, word: str, mark: str) -> None:
    """Behind an arrow, ok and fail are a mark, whatever the arrow's form."""
    assert marks(lines_with_addresses(f"{HOST} (Apple, Inc.)   {arrow} {word}\x1b[0m")) == [mark]


def test_last_words_are_marks_if_there_are_both() -> None:
    """Without an arrow, ok and fail as last words are marks only if both occur."""
    assert marks(lines_with_addresses(f"{HOST}: ok\n10.1.2.4: FAIL.\n10.1.2.5")) == [
        "ok",
        "fail",
        "",
    ]
    assert marks(lines_with_addresses(f"{HOST} ICMP failed, ARP ok\n10.1.2.4 ARP ok")) == ["", ""]
    assert marks(lines_with_addresses(f"{HOST} looks ok today\n10.1.2.4 ==> not sure")) == ["", ""]


def test_whatever_is_printed_is_read() -> None:
    """No output makes the reader fail or slow."""
    rng = random.Random("addresses")  # noqa: S311 repeatable, not secret
    parts = [
        HOST, "\r", "\b", "\n", "\x1b", "\x1b[", "\x1b[K", "\x1b[1K", "\x1b]", "\x9b", "\x07",
        "\ufffd", "\0", "==>", "ok", "fail", "/", "-", "1", ".", " ", "٣.٣.٣.٣", "²",
    ]  # fmt: skip
    for _ in range(3000):
        marks(lines_with_addresses("".join(rng.choices(parts, k=rng.randint(0, 40)))))
    for part in ("1.", "1" * 3, "10.1.2.3-", "\x1b[", "\x1b]", "\r1", "=", "-", " ", "K\r\x1b[K"):
        marks(lines_with_addresses(part * 200_000))
