"""What 04c's axes are labelled with, and which units that states."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests_lab.plot.data import LATENCY, THROUGHPUT, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.evidence import Axes, Figure

# Units are the same within this if only one of them counts by 1024.
SAME = 0.08
POWERS = {"": 0, "k": 1, "kilo": 1, "m": 2, "mega": 2, "g": 3, "giga": 3, "t": 4, "tera": 4}
SI = {"n": 1e-9, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6,
      "G": 1e9, "T": 1e12}  # fmt: skip
FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
# Units in Cyrillic, Chinese and TeX, as they are in Latin; longer ones first.
SPELLINGS = {
    "\u043d\u0430\u043d\u043e\u0441\u0435\u043a\u0443\u043d\u0434": " ns ",
    "\u043c\u0438\u043a\u0440\u043e\u0441\u0435\u043a\u0443\u043d\u0434": " us ",
    "\u043c\u0435\u0433\u0430": "mega", "\u0433\u0438\u0433\u0430": "giga",
    "\u0431\u0438\u0442": "bit", "\u041c": "M", "\u0413": "G", "\u043abit": "kbit",
    "bit/\u0441": "bit/s", "\u043d\u0441": "ns", "\u043c\u043a\u0441": "us", "\u043c\u0441": "ms",
    "\u7eb3\u79d2": " ns ", "\u5fae\u79d2": " us ", "\u6beb\u79d2": " ms ",
    "\\mu": "u", "\N{GREEK SMALL LETTER MU}": "u", "\\cdot": "\N{MIDDLE DOT}",
    "\N{MINUS SIGN}": "-",
}  # fmt: skip
RATE = re.compile(
    r"(?<![a-zA-Z])(?P<prefix>(?i:kilo|mega|giga|tera)|[kKmMgGtT]i?)?[\s-]?"
    r"(?P<unit>(?i:bytes?|octets?|bits?|biti)|[bBo])"
    r"(?i:(?P<per>\s*(?:/|per|pe|par|pro|por)\s*se?[ck]?[a-z]*|p(?:er)?s(?:ec)?|"
    r"[\s\u00b7*.]*s(?:ec)?\s*\^?\s*-\s*1))(?![a-zA-Z])"
)
TIMES = {
    1.0: r"n(?:ano)?s(?:ec[a-z]*)?|nano[\s-]?[sz]e[a-z]*",
    1e-3: r"u\s?s(?:ec[a-z]*)?|mi[ck]ro[\s-]?s[a-z]*",
    1e-6: r"m(?:illi)?s(?:ec[a-z]*)?|mill?i[\s-]?se[a-z]*",
    1e-9: r"sec(?:ond[se]?|onds|s)?|secund[ae]|sekunden?|(?:(?<=[\[(,/])|^)\s*s\s*(?=[\])/,]|$)",
}
TIME = {
    scale: re.compile(rf"(?<![a-z'\u2019])(?:{pattern})(?![a-z])", re.IGNORECASE)
    for scale, pattern in TIMES.items()
}
POWER = re.compile(r"(?:\b10\s*\^|\b1e)\s*(\d{1,2})")
RAISED = re.compile("10(?=[\u2070\u00b9\u00b2\u00b3\u2074-\u2079])")
TICK = re.compile(r"^\s*(-?[\d.,]+(?:e[-+]?\d+)?)\s*(.*)$", re.IGNORECASE)
WORDS = {
    THROUGHPUT: re.compile(r"throughput|bandwidth|bitrate|debit|durchsatz|goodput", re.IGNORECASE),
    LATENCY: re.compile(r"laten|delay|duration|nf_hook_slow|durat[aă]|laufzeit", re.IGNORECASE),
}
OTHER = {THROUGHPUT: LATENCY, LATENCY: THROUGHPUT}


def plain(label: str) -> str:
    """A label without TeX and accents, units in Latin letters."""
    text = unicodedata.normalize("NFKD", RAISED.sub("10^", label))
    text = "".join(one for one in text if not unicodedata.combining(one))
    text = FRACTION.sub(r"\1/\2", text)
    for spelling, latin in SPELLINGS.items():
        text = text.replace(spelling, latin)
    text = re.sub(r"\\[,;:! ]|~", " ", text)
    return re.sub(r"\\[a-zA-Z]+|[${}]", "", text)


def units(label: str, column: str) -> set[float]:
    """The scales that a label's units stand for: shown values over the column's.

    Bps can be meant as bits or as bytes; a power of ten can stand before a unit.
    """
    text = plain(label)
    found = _rates(text) if column == THROUGHPUT else _times(text)
    powers = {10.0 ** int(power) for power in POWER.findall(text)}
    return found | {scale / power for scale in found for power in powers}


def _times(text: str) -> set[float]:
    rest = RATE.sub(" ", text)
    return {scale for scale, pattern in TIME.items() if pattern.search(rest)}


def _rates(text: str) -> set[float]:
    found = set()
    for match in RATE.finditer(text):
        prefix = (match["prefix"] or "").lower()
        base = 1024 if prefix.endswith("i") else 1000
        scale = 1e6 / base ** POWERS[prefix.removesuffix("i")]
        is_bytes = match["unit"] in {"B", "o"} or match["unit"].lower()[:2] in {"by", "oc"}
        if not is_bytes or match["per"].lower() == "ps":
            found.add(scale)
        if is_bytes:
            found.add(scale / 8)
    return found


def names(label: str, column: str) -> bool:
    """Whether a label names the quantity, or a unit of it."""
    return bool(WORDS[column].search(label) or units(label, column))


def swapped(label: str, column: str) -> bool:
    """Whether a label is the other quantity's."""
    return names(label, OTHER[column]) and not names(label, column)


@dataclass(frozen=True)
class Labels:
    """What is written at the axes of one of a figure's plots."""

    figure: Figure
    axes: Axes

    @property
    def y(self) -> tuple[str, ...]:
        """Its y axis' label; where it has none, upright texts of the figure's own."""
        own = self.axes.y.label.strip()
        upright = (text.text for text in self.figure.texts if text.rotation % 180 == 90)
        return (own,) if own else tuple(text for text in upright if text.strip())

    @property
    def x(self) -> str:
        """Its x axis' label, or that of axes below or around it, or a text under them all."""
        axes = (axes.x.label.strip() for axes in self._column)
        under = (t.text.strip() for t in self.figure.texts if t.rotation == 0 and t.y < 0.5)
        return next(filter(None, [*axes, *under]), "")

    @property
    def unnumbered(self) -> str:
        """The axis that has no numbers, if one has none."""
        if not any(axes.x.ticks for axes in self._column):
            return "x"
        # Values can stand at the points instead.
        return "" if self.axes.y.ticks or self.axes.notes >= 3 else "y"

    @property
    def _column(self) -> Sequence[Axes]:
        """The axes, then others that stand in for its x axis."""
        every = (other for other in self.figure.axes if other is not self.axes)
        return [self.axes, *(other for other in every if self.axes.above(other))]

    def stated(self, column: str) -> set[float]:
        """The scales of all units that are stated at the y axis."""
        ticks = (text for _, text in self.axes.y.ticks)
        found: set[float] = set()
        for text in [*self.y, self.axes.y.offset, *ticks]:
            found |= units(text, column)
        return found

    def agree(self, column: str, scale: float) -> bool:
        """Whether what is stated is the unit of what is shown, the column's values by `scale`."""
        shown = {scale * factor for factor in self._tick_factors()}
        return any(abs(one / other - 1) <= SAME for one in shown for other in self.stated(column))

    def _tick_factors(self) -> set[float]:
        """By how much the numbers at the ticks are larger than what is drawn there."""
        found = {1.0}
        for place, text in [] if self.axes.y.plain else self.axes.y.ticks:
            match = TICK.match(text)
            value = number(match[1]) if match else None
            if match and value and place:
                found.add(value * SI.get(match[2].strip(), 1.0) / place)
        return found
