"""`python -m agent`: serve on standard input and output."""

from .server import main

main()
