"""The lab's root file system: built once, identified by its inputs, used by all sandboxes."""

from grader.image.build import ensure
from grader.image.recipe import Recipe
from grader.image.store import Image, find, prune, stored

__all__ = ["Image", "Recipe", "ensure", "find", "prune", "stored"]
