"""The lab's root file system: built once, identified by its inputs, used by all sandboxes."""

from grader.image.build import BASE, ensure, unfinished
from grader.image.recipe import Recipe
from grader.image.store import Image, find, images_folder, prune, remove, stored

__all__ = [
    "BASE",
    "Image",
    "Recipe",
    "ensure",
    "find",
    "images_folder",
    "prune",
    "remove",
    "stored",
    "unfinished",
]
