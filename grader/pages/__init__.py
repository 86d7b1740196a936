"""The reports as pages: a class's overview and a page for each student, files without a server."""

from grader.pages.site import INDEX, write

__all__ = ["INDEX", "write"]
