"""`grader check`: a student's own look at a submission."""

from __future__ import annotations

import datetime as dt
import shlex
import webbrowser
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text
from watchfiles import watch as changes_in

from grader import checked, document, home, pages
from grader import image as images
from grader import shell as shells
from grader.check import Verdict
from grader.cli import explained
from grader.cli.app import GRADED, LAB, SEEN, Kind, Lab, Seed, Tasks, app, err, manual, out, plain
from grader.cli.live import Live
from grader.decisions import checks_in, read_report
from grader.engine import Order, Running
from grader.errors import BadInput, GraderError
from grader.rubric import Rubric

if TYPE_CHECKING:
    from collections.abc import Iterator

Plain = dict[str, Any]
ENDED_BY_SIGNAL = 128
WAKES_MS = 200


@app.command(
    epilog=manual(
        "grader check",
        "grader check ~/lab06 --task 01a --task 01d",
        "grader check --watch",
        "grader check --task 01d --seed 7 --keep",
        exits=GRADED,
        files="report and evidence lie in ~/.local/state/netlab-grader/checks (or below "
        "$XDG_STATE_HOME), and are replaced by the next check of the same folder",
        environment=f"{SEEN}; BROWSER is what --open starts",
    )
)
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The submission.")] = Path(),
    *,
    task: Tasks = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again what a saved file affects; Ctrl-C ends it.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Then a shell in the world of the first lost check.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    seed: Seed = None,
    sandbox: Kind = "auto",
    report_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the report and evidence go.")
    ] = None,
    lab: Lab = LAB,
) -> None:
    """Check your own submission before you hand it in, and explain every point that is lost.

    While it runs it names each check that is lost. Then it shows, task by task,
    what was expected, what was seen, the lines that show it, a hint, and the
    command that repeats it. Checks that are hidden as yet are counted only.
    """
    rubric = document.load(lab / "lab.yaml", Rubric)
    _must_be_one(folder, rubric)
    reports = (report_dir or checked.reports_of(folder)).resolve()
    order = Order(
        (folder.resolve(),), lab.resolve(), reports,
        tasks=tuple(task or ()), seed=seed, sandbox=sandbox, student=True,
    )  # fmt: skip
    if keep and watch:
        raise BadInput("--keep and --watch: expected one of the two, found both")
    own = _Check(folder, rubric, order)
    code = own.watch() if watch else own.run()
    if open_:
        _open(reports)
    if keep and own.signalled == 0:
        own.look_around()
    raise typer.Exit(code)


def _must_be_one(folder: Path, rubric: Rubric) -> None:
    """Raise BadInput if the folder is not there or has none of the lab's files."""
    try:
        names = {one.name for one in folder.iterdir()}
    except OSError as error:
        raise BadInput(f"{folder}: expected a folder to check: {error.strerror}") from error
    if not names & set(rubric.files):
        raise BadInput(
            f"{folder}: expected a submission, found none of its files: {', '.join(rubric.files)}",
            remedy=f"begin one: {home.call('grader')} init {shlex.quote(str(folder))}",
        )


def _open(reports: Path) -> None:
    page = pages.write(reports)
    if not webbrowser.open(page.resolve().as_uri()):
        err.print(plain(f"no browser was found: open {page} yourself", err), markup=False)


class _Check:
    """Runs of one submission's checks, each explained."""

    def __init__(self, folder: Path, rubric: Rubric, order: Order) -> None:
        self._folder = folder
        self._rubric = rubric
        self._order = order
        self._report: Plain = {}
        self._place = Path()
        self._code = 0
        self.signalled = 0

    def run(self, tasks: tuple[str, ...] | None = None) -> int:
        """Check once, and explain; returns the exit code."""
        order = self._order if tasks is None else replace(self._order, tasks=tasks)
        live = Live(several=False)
        names: list[str] = []
        with Running(order, live.ending) as running:
            live.follow(running.events())
            code = running.code()
            self.signalled = running.signalled
            names = live.submissions
        # A run that was killed has left the report of another one, if any.
        if names and code >= 0:
            self._place = order.reports / names[0]
            self._report = read_report(self._place)
            self._explain(order)
        self._count_hidden(order)
        return ENDED_BY_SIGNAL + self.signalled if self.signalled else code

    def _explain(self, order: Order) -> None:
        from grader.evidence.decoded import Decoder

        again = f"{home.call('grader')} check {shlex.quote(str(self._folder))}"
        again += "" if order.sandbox == "auto" else f" --sandbox {order.sandbox}"
        with Decoder(_image()) as decoder:
            explained.Explained(self._report, self._place, self._rubric, decoder, again).show()
        explained.total(self._report)
        out.print(
            plain(f"seed {self._report['seed']}, report in {explained.short(self._place)}", out),
            markup=False,
        )

    def _count_hidden(self, order: Order) -> None:
        hidden = self._rubric.hidden(dt.datetime.now().astimezone().date())
        tasks = order.tasks or tuple(self._rubric.tasks)
        mine = {id_: date for id_, date in hidden.items() if id_.partition(".")[0] in tasks}
        explained.count_hidden(mine, self._rubric)

    def look_around(self) -> None:
        """Open a shell in the world of the first check that was lost in one."""
        lost = [one for one in checks_in(self._report) if Verdict(one["verdict"]).lost]
        for one in lost:
            try:
                drawn = shells.Drawn.kept(self._place / one["id"], self._order.lab)
            except BadInput:
                continue
            err.print(f"the world of {one['id']}:")
            shells.run(self._folder, one["sandbox"], lambda line: err.print(escape(line)), drawn)
            return
        if lost:
            err.print("no check was lost in a world that one could look around in")

    def watch(self) -> int:
        """Check once, then again what each saved file affects, until Ctrl-C."""
        saved = self._saved()
        with suppress(KeyboardInterrupt):
            next(saved)  # from now on nothing that is saved is missed
            self._code = self.run()
            while not self.signalled:
                err.print("waiting for a file to be saved; Ctrl-C ends this", style="dim")
                self._again(next(names for names in saved if names))
        return self._code

    def _saved(self) -> Iterator[list[str]]:
        """The names of saved files that are part of a task, a few at a time; at times none."""
        affects = self._affects()
        found = changes_in(
            self._folder,
            watch_filter=lambda _, path: Path(path).name in affects,
            recursive=False,
            yield_on_timeout=True,
            rust_timeout=WAKES_MS,
        )
        for changes in found:
            yield sorted({Path(path).name for _, path in changes})

    def _again(self, saved: list[str]) -> None:
        """Check what the files are part of; what cannot be now may be after the next save."""
        affects = self._affects()
        tasks = tuple(dict.fromkeys(task for name in saved for task in affects[name]))
        out.print(Text(plain(f"\n{', '.join(saved)} saved", out), style="bold"))
        try:
            self._code = self.run(tasks)
        except GraderError as error:
            err.print(f"[red]{escape(error.what)}[/red]\n{escape(error.remedy)}".strip())

    def _affects(self) -> dict[str, list[str]]:
        """The tasks that a file is part of, of those that are asked for."""
        found: dict[str, list[str]] = {}
        for id_, task in self._rubric.tasks.items():
            if not self._order.tasks or id_ in self._order.tasks:
                for name in (*task.files, *task.parameters.get("beside", ())):
                    found.setdefault(name, []).append(id_)
        return found


def _image() -> images.Image | None:
    try:
        return images.find()
    except GraderError:
        return None
