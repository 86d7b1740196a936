"""The conversation in which a person judges answers, in a terminal."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.text import Text

from grader.decisions import Overtaken
from grader.errors import BadInput, GraderError
from grader.review import State
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from grader.review import Item

POINTS = re.compile(r"(\d{1,4}(?:[.,]\d{1,3})?|[.,]\d{1,3}|f)(?:\s+(.*))?", re.DOTALL)
LONGEST = 8_000  # characters and lines of a text that are shown
MOST = 200
BRIEF = 24  # lines of a guide that are shown of themselves
HELP = """\
  2.5              gives 2.5 points
  2.5 a comment    the same, with a comment; f for 2.5 gives all points
  c a comment      a comment on what you have given
  s or Enter       skips the answer
  b                goes back by one
  u                takes back what was given here, or else what you gave last
  e 2              shows evidence number 2
  g                shows the marking guide again
  q                stops; all that you gave is stored"""


@dataclass
class Dialogue:
    """One sitting: the answers, where in them the reviewer is, and what was decided."""

    items: Sequence[Item]
    names: Mapping[str, str]
    reviewer: str
    console: Console
    ask: Callable[[str], str]
    everything: bool = False
    place: int = 0
    given: list[int] = field(default_factory=list)
    comment: str = ""
    _asked: str = ""
    _guide: str | None = None
    _back: bool = False

    def run(self) -> None:
        """Go from answer to answer until the last one, or until the reviewer stops."""
        self._say(f"Reviewer {self.reviewer}. ? shows what you can type.", style="dim")
        with suppress(EOFError, KeyboardInterrupt):
            while self.place < len(self.items):
                try:
                    stops = self._one()
                except GraderError as error:
                    self._say(error.what, style="red")
                    self.place += 1
                    continue
                if stops:
                    break
        self._say(f"\n{len(set(self.given))} decided in this sitting.", style="bold")

    def _one(self) -> bool:
        """Have the answer at this place judged, if it is not yet; whether the reviewer stops."""
        item = self.items[self.place].again()
        if item.state is State.DECIDED and not self.everything and not self._back:
            self.place += 1
            return False
        self._back = False
        self._show(item)
        return self._talk(item)

    # --- what is shown ---------------------------------------------------------------------

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(printable(text.expandtabs()), style=style))

    def _show(self, item: Item) -> None:
        if item.id != self._asked:
            self._asked = item.id
            self._head(item)
        mine = [place for place, one in enumerate(self.items) if one.id == item.id]
        count = f"{mine.index(self.place) + 1} of {len(mine)}"
        title = f"{item.id}: {self.names[item.submission]} ({count})"
        self.console.print()
        answer = item.answer
        self._frame(item.check["message"] if answer is None else answer, title)
        for number, path in enumerate(item.evidence, 1):
            self._say(f"  e {number}  {path}", style="dim")
        if item.guide != self._guide:
            self._say("  g    this answer's guide, which differs from the one above", style="dim")
        self._show_decision(item)

    def _head(self, item: Item) -> None:
        self.console.print()
        self.console.rule(Text(printable(f"{item.id}, {item.worth:g} points"), style="bold"))
        self._say(f"{item.task}: {item.check['title']}")
        if item.question is not None:
            self._say(item.question.strip())
        self._guide = item.guide
        self._show_guide(item, most=BRIEF)

    def _show_guide(self, item: Item, *, most: int) -> None:
        if item.guide is not None:
            self._frame(item.guide, "guide", most=most, rest="g shows all", style="cyan")

    def _frame(
        self,
        text: str,
        title: str,
        *,
        most: int = MOST,
        rest: str = "see the file",
        style: str = "none",
    ) -> None:
        """Show a text as it is, in a frame that nothing in it can leave."""
        whole = text.expandtabs().strip("\n")
        shown = "\n".join(whole[:LONGEST].split("\n")[:most])
        left = len(whole) - len(shown)
        more = f"\n… {left} characters more: {rest}" if left else ""
        head = Text(printable(title), style="bold")
        self.console.print(
            Panel(
                Text((printable(shown) or "(empty)") + more),
                title=head,
                title_align="left",
                style=style,
            )
        )

    def _show_decision(self, item: Item) -> None:
        if item.decision is None:
            return
        style = "green" if item.state is State.DECIDED else "yellow"
        note = "" if item.state is State.DECIDED else f"{item.state}; then "
        self._say(f"{note}{item.decision.said}", style=style)

    def _show_evidence(self, item: Item, number: str) -> None:
        paths = dict(enumerate(item.evidence, 1))
        path = paths.get(int(number)) if number.isdecimal() else None
        if path is None:
            self._say(f"expected e and a number from 1 to {len(paths)}", style="red")
            return
        try:
            text = (item.folder / path).read_text(encoding="utf-8")
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            text = "no text: open it with its own program (a .pcap with wireshark)"
        self._frame(self._nameless(item, text), path)

    def _nameless(self, item: Item, text: str) -> str:
        """Evidence without the submission's name, which stands in its commands, where it is hidden.

        What is hidden is a word of its own: a name of one letter must not spoil all text.
        """
        shown = self.names[item.submission]
        if shown == item.submission:
            return text
        folder = re.escape(item.submission.rpartition("/")[2])
        return re.sub(rf"(?<!\w){folder}(?!\w)", shown, text)

    # --- what is typed ---------------------------------------------------------------------

    def _talk(self, item: Item) -> bool:
        """Obey until another answer is to be shown; whether the reviewer stops."""
        self.comment = ""
        while True:
            typed = self.ask(f"points 0-{item.worth:g} (? helps): ").strip()
            word, _, rest = typed.partition(" ")
            if word == "q":
                return True
            if word == "e":
                self._show_evidence(item, rest.strip())
            elif word == "g":
                self._show_guide(item, most=MOST)
            elif word == "?":
                self._say(HELP)
            elif self._step(item, word, rest.strip(), typed):
                return False

    def _step(self, item: Item, word: str, rest: str, typed: str) -> bool:
        """Obey what may lead to another answer; whether it does."""
        if word in {"", "s"}:
            self.place += 1
            return True
        if word == "b":
            self.place, self._back = max(self.place - 1, 0), True
            return True
        try:
            if word == "u":
                return self._undo(item)
            if word == "c":
                return self._comment(item, rest)
            return self._decide(item, typed)
        except GraderError as error:
            self._say(error.what, style="red")
            return isinstance(error, Overtaken)

    def _decide(self, item: Item, typed: str) -> bool:
        found = POINTS.fullmatch(typed)
        if found is None:
            raise BadInput("expected points, or a letter that ? explains")
        number, comment = found[1], printable((found[2] or self.comment).strip())
        points = item.worth if number == "f" else float(number.replace(",", "."))
        item.decide(points, comment=comment, reviewer=self.reviewer)
        self.given.append(self.place)
        self._say(f"{points:g} of {item.worth:g}", style="green")
        self.place += 1
        return True

    def _comment(self, item: Item, text: str) -> bool:
        """Comment on what was given, or on what will be."""
        if item.decision is None or item.state is not State.DECIDED:
            self.comment = text
            self._say("now the points")
            return False
        item.decide(item.decision.points, comment=printable(text), reviewer=self.reviewer)
        return True

    def _undo(self, item: Item) -> bool:
        """Take back what was given here, or else what was given last in this sitting."""
        if item.state is not State.DECIDED and self.given:
            self.place = self.given[-1]
            item = self.items[self.place].again()
        item.undo(self.reviewer)
        if self.place in self.given:
            del self.given[len(self.given) - 1 - self.given[::-1].index(self.place)]
        self._back = True  # shown even if an earlier decision stands again
        self._say(f"taken back: {self.names[item.submission]}, {item.id}", style="yellow")
        return True
