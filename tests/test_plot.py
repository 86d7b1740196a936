"""04c reads results.csv and axes' labels as a person does."""

from __future__ import annotations

from random import Random

import pytest

from tests_lab.plot.data import LATENCY, THROUGHPUT, Table
from tests_lab.plot.labels import swapped, units

HEADER = "rules,throughput_mbps,latency_ns\n"
MEGABITS = (
    "Throughput (Mbit/s)", "Mbps", "throughput_mbps", "Mbits/sec", "Megabits per second", "Mb/s",
    r"$\mathrm{Mbit}\cdot\mathrm{s}^{-1}$", r"$\frac{Mbit}{s}$", "Mbit s\u207b\xb9",
    "Debit (Mbi\u021bi/s)", "MBit/Sekunde", "\u041c\u0431\u0438\u0442/\u0441", "MBPS", "MBIT/S",
    "M\xe9gabits par seconde", "\u043c\u0435\u0433\u0430\u0431\u0438\u0442/\u0441",
)  # fmt: skip
NANOSECONDS = (
    "latency_ns", "Latency [ns]", "ns per call", "time/ns", "nanosecunde", "nsec", "Nanosekunden",
    "\u043d\u0441", "\u043d\u0430\u043d\u043e\u0441\u0435\u043a\u0443\u043d\u0434\u044b",
    "\u7eb3\u79d2",
)  # fmt: skip
MICROSECONDS = (
    "\xb5s", "\u03bcs", r"$\mu$s", r"$\mu s$", "us", "usec", "microseconds", "Mikrosekunden",
)  # fmt: skip


@pytest.mark.parametrize("label", MEGABITS)
def test_megabits(label: str) -> None:
    """Megabits per second are known in all spellings."""
    assert 1.0 in units(label, THROUGHPUT)
    assert not units(label, LATENCY)


@pytest.mark.parametrize(
    ("label", "scale"),
    [("Gbit/s", 1e-3), ("kbps", 1e3), ("bit/s", 1e6), ("MB/s", 1 / 8), ("GByte/s", 1 / 8e3),
     ("Mo/s", 1 / 8), ("10^9 bit/s", 1e-3), ("Mibit/s", 1e6 / 2**20)],
)  # fmt: skip
def test_other_rates(label: str, scale: float) -> None:
    """So are other units of throughput."""
    assert scale in units(label, THROUGHPUT)


@pytest.mark.parametrize("label", NANOSECONDS)
def test_nanoseconds(label: str) -> None:
    """Nanoseconds are known in all spellings."""
    assert units(label, LATENCY) == {1.0}


@pytest.mark.parametrize("label", MICROSECONDS)
def test_microseconds(label: str) -> None:
    """Microseconds, too."""
    assert units(label, LATENCY) == {1e-3}


@pytest.mark.parametrize("label", ["", "rules", "Number of rules", "Throughput", "Mbit", "insns"])
def test_no_units(label: str) -> None:
    """A label without a unit has none."""
    assert not units(label, THROUGHPUT) | units(label, LATENCY)


def test_swapped() -> None:
    """A label is swapped if it is the other quantity's and not this one's."""
    assert swapped("Latency (ns)", THROUGHPUT)
    assert swapped("Mbit/s", LATENCY)
    assert not swapped("Mbit/s", THROUGHPUT)
    assert not swapped("latency under full throughput", LATENCY)
    assert not swapped("something", LATENCY)


def test_repeated_measurements_are_a_range() -> None:
    """Rows with the same number of rules are one, from the least to the most."""
    table = Table.read("r.csv", f"{HEADER}0,9,1\n0,7,2\n10,8,3\n20,7,4\n30,1,nan\n".encode())
    assert table is not None
    assert [row.rules for row in table.rows] == [0, 10, 20]
    assert table.rows[0].values[THROUGHPUT] == (7, 9)


@pytest.mark.parametrize(
    "text",
    ["", HEADER, "a,b,c\n1,2,3\n", HEADER + "1,2\n", HEADER + "1,2,x\n", HEADER + "1,2,3\n",
     "\0", HEADER + '"', HEADER + "1,2,3\n" * 600, "rules\n1\n2\n3\n",
     "rules;throughput_mbps;latency_ns\n1;2;3\n2;3;4\n3;4;5\n",
     HEADER + "1,2,3\n2,3,4\n" + HEADER + "3,4,5\n"],
)  # fmt: skip
def test_what_is_no_table(text: str) -> None:
    """A file that cannot be drawn is none."""
    assert Table.read("r.csv", text.encode()) is None


def test_other_data_are_like_the_students() -> None:
    """They have the same header and decimals, and no column but the first is in order."""
    like = Table.read("r.csv", f"{HEADER.title()}0,9.25,1\n5,8.5,2\n9,7.1,3\n".encode())
    assert like is not None
    for seed in range(200):
        table = Table.made("m.csv", Random(seed), like=like)  # noqa: S311
        assert (table.decimals, table.header) == ((0, 2, 0), like.header)
        for column, falling in ((THROUGHPUT, True), (LATENCY, False)):
            values = [row.middle(column) for row in table.rows]
            assert values != sorted(values, reverse=falling)
