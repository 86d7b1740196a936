pytest_plugins = [
    "fixtures.grading",
    "fixtures.machine",
    "fixtures.script",
    "fixtures.world",
]
