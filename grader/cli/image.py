"""`grader image`: the lab's root file system and its microVMs' template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from grader import home, warm
from grader import image as images
from grader.cli.app import app, manual, out, progress
from grader.errors import GraderError
from grader.machine import microvm

if TYPE_CHECKING:
    from grader.image import Image

IMAGES = "~/.cache/netlab-grader/images (or below $XDG_CACHE_HOME)"
image_app = typer.Typer(
    help="The lab's root file system, built once and used by all sandboxes.", no_args_is_help=True
)
app.add_typer(image_app, name="image")


@image_app.command(
    epilog=manual(
        "grader image build",
        "grader image build --base debian:trixie-slim",
        exits="0 it is there, 3 it cannot be built, and why",
        files=f"{IMAGES}; what is in it stands in fixtures/image/packages.txt",
    )
)
def build(
    *,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="Have a Docker engine build it on this image of a registry's, for example "
            f"{images.BASE}, where mmdebstrap is not to be had.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Build the image if it is not here yet, and print where it is."""
    with progress("looking for the image") as show:
        image = images.ensure(base=base, progress=show)
    out.print(str(image.root.parent), markup=False)


@image_app.command(
    epilog=manual(
        "grader image template",
        exits="0 it is there, 3 it cannot be made, and why",
        files="~/.cache/netlab-grader/templates (or below $XDG_CACHE_HOME)",
    )
)
def template() -> None:
    """Make the template of the image's microVMs if it is not here yet, and print where it is."""
    with progress("looking for the microVM's template") as show:
        made = microvm.ensure(warm.source(_image()), warm.warm, progress=show)
    out.print(str(made.folder), markup=False)


@image_app.command(
    epilog=manual("ls $(grader image path)/root", exits="0 it is there, 3 it is not built")
)
def path() -> None:
    """Print where the image is."""
    out.print(str(_image().root.parent), markup=False)


def _image() -> Image:
    image = images.find()
    if image is None:
        what = "the image has not been built"
        raise GraderError(what, remedy=f"build it: {home.call('grader')} image build")
    return image


@image_app.command("list", epilog=manual("grader image list", exits="0", files=IMAGES))
def list_() -> None:
    """List the images of this user; * marks the one in use."""
    current = images.find()
    for image in images.stored():
        facts = image.facts()
        mark = "*" if image == current else " "
        megabytes = facts["bytes"] // 1_000_000
        out.print(
            f"{mark} {image.id}  {facts['suite']}  {facts['built']}  "
            f"{megabytes} MB  {len(facts['packages'])} packages"
        )


@image_app.command(
    epilog=manual(
        "grader image prune", "grader image prune --all", exits="0 they are gone, 3 one stays"
    )
)
def prune(
    *, every: Annotated[bool, typer.Option("--all", help="Remove the current ones too.")] = False
) -> None:
    """Remove old images and microVM templates, and what builds that were killed have left."""
    for gone in (*warm.prune(keep_current=not every), *images.prune(keep_current=not every)):
        out.print(f"removed {gone}", markup=False)
