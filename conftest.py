pytest_plugins = [
    "fixtures.grading",
    "fixtures.machine",
    "fixtures.world",
]
