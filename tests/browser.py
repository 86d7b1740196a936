"""Real Chromium, which loads files of this machine and nothing else."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

FLAGS = (
    "--no-sandbox",  # these tests run as root, too
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE, DESKTOP = 360, 1200


@dataclass
class View:
    """A page in a window, what it asked for, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def go(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until all that belongs to it is loaded."""
        self.page.goto(path.resolve().as_uri() + fragment, wait_until="load")

    def open_details(self) -> None:
        """Unfold everything, of a table of packets the first ones' bytes."""
        self.page.evaluate(
            """document.querySelectorAll('details').forEach(one => {
                one.open = !one.closest('tr') || one.closest('tr').matches(':nth-child(-n + 3)');
            })"""
        )

    def faults(self) -> list[str]:
        """What axe finds, a line each."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The distribution's browser, without a window."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed; ./lab tox does that")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def view(browser: Browser, *, width: int = DESKTOP, scheme: str = "light") -> Iterator[View]:
    """A window of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    seen = View(context.new_page())

    def asked(request: Request) -> None:
        seen.requests.append(request.url)

    context.on("request", asked)
    seen.page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    try:
        yield seen
    finally:
        context.close()
