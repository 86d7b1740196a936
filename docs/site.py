"""What the site has beside docs/: pages at the repository's top, and the sources they link to.

On paper, links go by files of the repository; here they are made to go by the site's.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[1]
# A README.md would be taken for the index.
TOP = {"README.md": "manual.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
ORIGIN = {page: source for source, page in TOP.items()}
SOURCES = "source"
# [text](target#anchor), the target relative; the text may be code.
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|`[^`]*`)+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top, and every source that a page links to."""
    for name, page in TOP.items():
        files.append(File.generated(config, page, abs_src_path=str(REPO / name)))
    for path in [*(REPO / "docs").glob("*.md"), *(REPO / name for name in TOP)]:
        for _, target, _ in LINK.findall(path.read_text(encoding="utf-8")):
            source = _in_repository(path, target)
            place = f"{SOURCES}/{source}"
            if _is_source(source) and files.get_file_from_path(place) is None:
                files.append(File.generated(config, place, abs_src_path=str(REPO / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 as mkdocs calls it
    """Make links within the repository links within the site."""
    path = REPO / ORIGIN.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def moved(found: re.Match[str]) -> str:
        text, target, anchor = found.group(1), found.group(2), found.group(3) or ""
        source = _in_repository(path, target)
        if (REPO / source).is_dir():
            return text  # a folder of sources is no page
        place = TOP.get(source, source.removeprefix("docs/"))
        if _is_source(source):
            place = f"{SOURCES}/{source}"
        return f"[{text}]({relpath(place, str(Path(page.file.src_uri).parent))}{anchor})"

    return LINK.sub(moved, markdown)


def _in_repository(path: Path, target: str) -> str:
    """Where a link of the file `path` leads, from the repository's top."""
    return normpath(f"{path.parent.relative_to(REPO).as_posix()}/{target}")


def _is_source(source: str) -> bool:
    outside = source not in TOP and not source.startswith("docs/")
    return outside and (REPO / source).is_file()
