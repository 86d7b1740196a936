"""Closed facts as people write them: names with their synonyms, and numbers. Nothing is guessed.

An answer counts as what it names. One that names several things, or says what it is not, names
nothing: `UDP or ICMP` and `not TCP` are no answers. But what an answer adds to explain itself may
name others: `UDP, not ICMP` and `33434 (then 33435)` are answers.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

from grader.errors import CheckFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

# What stands where an answer should be; not an answer, however it is written.
PLACEHOLDERS = {"", "todo", "tbd", "fixme", "xxx", "your answer", "your answer here", "answer here"}
NEGATIONS = frozenset(
    {"not", "no", "nor", "neither", "never", "without", "except", "instead", "rather", "than"}
    | {"isnt", "doesnt", "dont", "arent", "cannot", "anything", "everything"}
)
# What explains an answer, unless it is another one, as in `UDP (or ICMP)`: what it is not, what is
# so elsewhere, as in `UDP (ICMP on Windows)` or `UDP; ICMP with -I`, and a whole sentence after it.
# Beside a number, all that stands in parentheses.
DENIED = (
    r"(?:[,;]|\s[-\u2013\u2014])\s*(?:(?:and|but|so|it|is)\s+)*not\b[^,;]*"
    r"|\b(?:instead of|rather than|as opposed to)\b[^,;]*"
)
ELSEWHERE = (
    r"\([^()]*\b(?:with|without|if|when|on|under|for)\b[^()]*\)"
    r"|[,;]\s*\w+\s+(?:only\s+)?(?:with|if|when|on)\b[^,;]*"
)
# What comes back, as in `UDP (ICMP replies come back)`, and a reason.
RETURNED = (
    r"\([^()]*\b(?:repl(?:y|ies)|answered|respon\w+|comes? back)\b[^()]*\)"
    r"|[,;]\s*[^,;]*\b(?:answered|replied|answers?|repl(?:y|ies)|responds?)\s+(?:by|with)\b[^,;]*"
)
REASON = r"[,;]\s*(?:since|because|as there)\b.*"
SENTENCE = r"(?<=\w)\.\s+\w+(?:[^\w.]+\w+){2}[^.]*"
BESIDE_NAMES = re.compile(f"{DENIED}|{ELSEWHERE}|{RETURNED}|{REASON}|{SENTENCE}", re.IGNORECASE)
BESIDE_NUMBERS = re.compile(rf"{DENIED}|\([^()]*\)", re.IGNORECASE)
DOUBTS = frozenset(
    {"or", "also", "actually", "both", "maybe", "perhaps", "possibly", "sometimes", "alternatively"}
)
NUMBERS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
ARTICLES = frozenset({"a", "an", "the"})
BLANKS = " \t\n.\u2026_-\u2013\u2014?<>[](){}*#\"'"
APOSTROPHES = re.compile("['\u2019]")
LONGEST_NUMBER = 15
SHOWN = 120
ADDRESS = re.compile(r"\d+(\.\d+){3}")
# Hexadecimal; thousands; a number, with a sign if that cannot be a dash; a word.
PARTS = re.compile(
    r"0x[0-9a-f]+|\d{1,3}(?:[.,]\d{3})+(?![\d.])|(?<!\d)\d{1,3}(?: \d{3})+(?![\d.])"
    r"|(?:(?<![^\s(=:])[-\u2212])?\d+(?:\.\d+)*|\b(?:" + "|".join(NUMBERS) + r")\b"
)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return ", ".join(_each(value))
    raise ValueError("expected a short text, found keys of its own; put it in quotes")


def _as_items(value: object) -> tuple[str, ...]:
    found = "\n".join(_each(value) if isinstance(value, list | dict) else [str(value)])
    parts = re.split(r"[,;\n]|\band\b", found)
    return tuple(part.strip() for part in parts if part.strip())


def _each(value: object) -> list[str]:
    """The texts in a list; what was written `- MSS: 1460` is one text, too."""
    if isinstance(value, dict):
        return [f"{key}: {_as_text(one)}".removesuffix(": ") for key, one in value.items()]
    if isinstance(value, list):
        return [text for one in value for text in _each(one)]
    return [str(value)]


# One answer, as it was written; a list becomes one text, so that no choice is hidden in it.
Text = Annotated[str, BeforeValidator(_as_text)]
# Several answers: a list, lines, or one text with commas.
Items = Annotated[tuple[str, ...], BeforeValidator(_as_items)]


def answered(text: str) -> bool:
    """Whether there is an answer at all, rather than nothing, dots or a placeholder."""
    return text.strip(BLANKS).casefold() not in PLACEHOLDERS


def must_be_answered(question: str, text: str, hint: str = "") -> None:
    """Raise CheckFailed if there is no answer."""
    if not answered(text):
        raise CheckFailed(f"{question}: not answered", hint=hint)


def shown(text: str) -> str:
    """An answer in a message."""
    line = " ".join(text.split())
    return f"“{line if len(line) <= SHOWN else line[:SHOWN] + '…'}”"


class Choice:
    """A closed set of names, each with its synonyms; case, hyphens, spaces and plurals are one."""

    def __init__(self, names: Mapping[str, Collection[str]]) -> None:
        """`names`: each name with what else it is called; what is not here is not known."""
        self.names = tuple(names)
        self._known = {
            _compact(one): name for name, others in names.items() for one in (name, *others)
        }
        self._longest = max(len(_words(one)) for names_ in names.items() for one in _flat(names_))

    def named(self, text: str) -> tuple[str, ...]:
        """What `text` names, in its order; nothing if it says what it is not."""
        words, names, rest = _words(text), [], set()
        position = 0
        while position < len(words):
            name, length = self._longest_at(words, position)
            if name:
                names.append(name)
            else:
                rest.add(words[position])
            position += length
        return () if rest & NEGATIONS else tuple(dict.fromkeys(names))

    def found(self, text: str) -> frozenset[str]:
        """What `text` names, whatever its order."""
        return frozenset(self.named(text))

    def _longest_at(self, words: list[str], position: int) -> tuple[str, int]:
        # One more than the longest synonym has, since `timestamp` may be written `time stamp`.
        for length in range(self._longest + 1, 0, -1):
            part = "".join(words[position : position + length])
            plural = (part.removesuffix("s"), f"{part}s") if len(part) > 3 else ()
            for form in (part, *plural):
                if form in self._known and position + length <= len(words):
                    return self._known[form], length
        return "", 1

    def must_be(
        self, question: str, text: str, right: Collection[str], *, seen: str, hint: str = ""
    ) -> None:
        """Raise CheckFailed unless `text` names one thing, which is right; `seen` says why."""
        known = f"known answers: {', '.join(self.names)}"
        must_be_answered(question, text, known)
        found = self.found(text)
        if len(found) != 1:
            found = self.found(_without(BESIDE_NAMES, text)) or found
        if not found:
            raise CheckFailed(
                f"{question}: expected one clear answer, found {shown(text)}", hint=known
            )
        if len(found) > 1:
            several = ", ".join(sorted(found))
            raise CheckFailed(
                f"{question}: expected one answer, found {len(found)} in {shown(text)}: {several}",
                hint="write the one that you have seen",
            )
        if not found <= set(right):
            raise CheckFailed(f"{question}: {shown(text)} is not what was seen: {seen}", hint=hint)


def numbers(text: str) -> tuple[float, ...]:
    """The numbers that an answer holds, in their order; words such as `three` count."""
    parts = PARTS.findall(unicodedata.normalize("NFKC", text).casefold())
    if any(one not in NUMBERS for one in parts):
        parts = [one for one in parts if one != "one"]  # `the first one goes to port 33434`
    return tuple(NUMBERS[one] if one in NUMBERS else _value(one) for one in parts)


def number(text: str) -> float | None:
    """The number that an answer holds; None for none, or for several that differ."""
    for one in (text, _without(BESIDE_NUMBERS, text)):
        found = set(numbers(one))
        if len(found) == 1 and not set(_words(one)) & NEGATIONS:
            return found.pop()
    return None


def _value(digits: str) -> float:
    if len(digits) > LONGEST_NUMBER or ADDRESS.fullmatch(digits):
        return float("inf")  # beyond all that is asked, or no number
    if digits.startswith("0x"):
        return int(digits, 16)
    # 33,434, 33.434 and 33 434 are thousands; 1.5 is not.
    grouped = re.fullmatch(r"\d{1,3}(?:[., ]\d{3})+", digits)
    plain = re.sub("[., ]", "", digits) if grouped else digits.replace("\u2212", "-")
    return float(plain) if plain.count(".") < 2 else float("inf")


def must_be_number(
    question: str, text: str, right: Collection[float], *, seen: str, hint: str = ""
) -> None:
    """Raise CheckFailed unless `text` holds one number, which is right; `seen` says why."""
    must_be_answered(question, text, "a number")
    found = number(text)
    if found is None:
        raise CheckFailed(f"{question}: expected one number, found {shown(text)}", hint=hint)
    if found not in right:
        raise CheckFailed(f"{question}: {shown(text)} is not what was seen: {seen}", hint=hint)


def _without(asides: re.Pattern[str], text: str) -> str:
    return asides.sub(lambda aside: aside[0] if set(_words(aside[0])) & DOUBTS else " ", text)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[a-z0-9]+", APOSTROPHES.sub("", plain))
    return [word for word in words if word not in ARTICLES]


def _compact(text: str) -> str:
    return "".join(_words(text))


def _flat(entry: tuple[str, Collection[str]]) -> Iterator[str]:
    yield entry[0]
    yield from entry[1]
