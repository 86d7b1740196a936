"""The documentation is a site: whole, its links lead somewhere, nothing comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from runs import REPO, environment

MKDOCS = str(Path(sys.executable).with_name("mkdocs"))
PICTURES = sorted((REPO / "docs" / "pictures").glob("*.png"))
# What a browser fetches by itself, by the attribute that names it.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?=[^>]*rel=[\"']?(?:stylesheet|preload|preconnect|icon))[^>]*href=[\"']?(?:https?:)?//[^>]*>"
    r"|@import[^;]*https?://|url\([\"']?https?://"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [MKDOCS, "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=REPO,
        env=environment(NO_MKDOCS_2_WARNING="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    """Each text of docs/, and README, CONTRIBUTING and CHANGELOG, are pages of the site."""
    made = {path.stem for path in site.glob("*.html")}
    written = {path.stem for path in (REPO / "docs").glob("*.md")}
    assert written | {"manual", "contributing", "changes"} <= made


def test_links_to_sources_lead_to_them(site: Path) -> None:
    """What the handout links to in the repository is a file of the site, as it is."""
    assert 'href="source/tests_lab/lab.yaml"' in (site / "handout.html").read_text()
    shown = (site / "source" / "tests_lab" / "lab.yaml").read_bytes()
    assert shown == (REPO / "tests_lab" / "lab.yaml").read_bytes()


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    """Each relative link of each page is a file of the site."""
    for page in site.glob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text()):
            if not re.match(r"[a-z]+:|/", link):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    """No script, style, font or picture is fetched from another host."""
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = FETCHED.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name}: {found and found.group()[:120]}"


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_pictures_are_small_and_shown(path: Path) -> None:
    """Each picture of the gallery is in it, and no larger than 150 kB."""
    assert f"(pictures/{path.name})" in (REPO / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert path.stat().st_size < 150_000


def test_named_tests_are_there() -> None:
    """A test that the documentation names as a proof is one of the suite."""
    named = set()
    for page in (REPO / "docs").glob("*.md"):
        named |= set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", page.read_text(encoding="utf-8")))
    assert len(named) > 30
    for file, test in sorted(named):
        assert f"def {test}(" in (REPO / "tests" / file).read_text(encoding="utf-8"), test
