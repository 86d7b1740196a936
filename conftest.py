"""Names the fixture modules of the lab."""

pytest_plugins = [
    "fixtures.grading",
    "fixtures.machine",
    "fixtures.script",
    "fixtures.world",
]
