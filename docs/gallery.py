"""Makes the gallery's pictures: grades a made-up class, and photographs what people see of it.

    ./lab python docs/gallery.py            # some minutes; ./lab tox has installed what it needs

Pictures go to docs/pictures/; the class and its reports to the folder that it prints.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.text import Text

from grader import pages

REPO = Path(__file__).resolve().parents[1]
PICTURES = REPO / "docs" / "pictures"
SUBMISSIONS = REPO / "submissions"
BIN = Path(sys.executable).parent
COLUMNS = 100
# Each has the reference's answers, but for what these wrong ones replace.
CLASS = {
    "ana": [],
    "bogdan": ["01a-ipv4-only", "01b-everybody", "04c-plot-no-units"],
    "carla": ["01a-unnumbered", "04c-plot-columns-swapped"],
    "dan": ["01a-only-compiles"],
    "elena": ["01b-any-port"],
    "florin": ["01a-and-dns", "04c-plot-latency-forgotten"],
    "gabi": ["01b-drops-udp"],
    "horia": ["01a-names", "04c-plot-no-x"],
}
TASKS = "01a or 01b or 01c or 01d or 02a or 02c or plot"


def hand_in(home: Path) -> Path:
    """The class's submissions."""
    for name, wrong in CLASS.items():
        folder = Path(shutil.copytree(SUBMISSIONS / "reference", home / name))
        for one in wrong:
            for path in (SUBMISSIONS / "broken" / one).iterdir():
                if path.is_file():
                    shutil.copy(path, folder / path.name)
    (home / "horia" / "arp_not_icmp.sh").unlink()
    shutil.copy(home / "carla" / "arp_not_icmp.sh", home / "gabi" / "arp_not_icmp.sh")
    return home


def pytest(*arguments: str | Path) -> list[str]:
    """A command that grades."""
    pinned = ("-c", REPO / "tox.ini", f"--rootdir={REPO}")
    return list(map(str, (BIN / "pytest", *pinned, *arguments)))


def on_a_terminal(argv: list[str], cwd: Path) -> str:
    """What a command shows on a terminal, with its colours."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
        os.execv(argv[0], argv)  # noqa: S606 a command of our own
    shown = bytearray()
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # its end is closed: the command has ended
            break
    os.waitpid(pid, 0)
    return shown.decode(errors="replace").replace("\r\n", "\n")


def check(home: Path) -> str:
    """What a student's own check shows once all is judged."""
    argv = [str(BIN / "grader"), "check", "--task=01a", "--seed=7", f"--report-dir={home}/check"]
    shown = on_a_terminal(argv, home / "class" / "bogdan")
    *_, explained = re.split(r"(?=\n\S*01a  )", shown)  # before it the progress was drawn
    return explained.replace(str(REPO), "~").replace(str(home), "~")


def terminal_picture(browser: Browser, shown: str, title: str, path: Path) -> None:
    """A picture of what was shown on a terminal."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.strip("\n")))
    # The font that rich would fetch is not ours to fetch.
    svg = console.export_svg(title=title, font_aspect_ratio=0.6).replace("cdnjs.", "nowhere.")
    page = browser.new_page(viewport={"width": 1000, "height": 800}, device_scale_factor=1)
    page.set_content(f"<style>body {{ margin: 0 }} svg {{ width: 1000px }}</style>{svg}")
    page.locator("svg").screenshot(path=path)
    page.close()


def page_picture(
    browser: Browser,
    html: Path,
    path: Path,
    *,
    size: tuple[int, int],
    at: str = "",
    dark: bool = False,
) -> None:
    """A picture of a page, from the element `at` on."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    page.goto(html.resolve().as_uri())
    if at:
        page.evaluate("id => document.getElementById(id).scrollIntoView()", at)
    page.screenshot(path=path)
    page.close()


def main() -> None:
    """Grade, then photograph."""
    home = Path(tempfile.mkdtemp(prefix="gallery-"))
    print(home)
    reports = home / "reports"
    folder = hand_in(home / "class")
    grading = pytest(folder, "-n", "2", "--seed=7", "-k", TASKS, "--report-dir", reports)
    subprocess.run(grading, cwd=home, check=False)
    index = pages.write(reports)
    one = pytest(SUBMISSIONS / "alice", "-k", "01a or 01b", "--seed=7")
    alice = on_a_terminal([*one, f"--report-dir={home}/alice", "-o", f"cache_dir={home}/c"], REPO)
    checked = check(home)
    alike = on_a_terminal([str(BIN / "grader"), "similar", "class", "--most=2"], home)
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        named = "./lab pytest submissions/alice -k '01a or 01b' --seed=7"
        alice = alice[alice.index("=== grades") :].partition("\n")[2]
        terminal_picture(browser, alice.replace(str(home), "~"), named, PICTURES / "terminal.png")
        terminal_picture(browser, checked, "grader check --task 01a", PICTURES / "check.png")
        terminal_picture(browser, alike, "grader similar class/", PICTURES / "similar.png")
        student = reports / "bogdan" / pages.INDEX
        desk, phone = (1000, 800), (360, 740)
        page_picture(browser, index, PICTURES / "class.png", size=desk)
        page_picture(browser, student, PICTURES / "student.png", size=(1000, 1000))
        lost = (reports / "florin" / pages.INDEX, "04c.plot_both")
        page_picture(browser, lost[0], PICTURES / "plot.png", size=desk, at=lost[1])
        page_picture(browser, student, PICTURES / "dark.png", size=phone, at="01a.ipv6", dark=True)
        page_picture(browser, student, PICTURES / "phone.png", size=phone)
        browser.close()


if __name__ == "__main__":
    main()
