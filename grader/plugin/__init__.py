"""The pytest plugin: submissions become trees of checks, verdicts become reports.

The only part that imports pytest. No file of a submission is collected, imported or read as
configuration: a run that grades loads the lab's own conftest.py and nothing else's.
"""

# Each imports those before it only.
pytest_plugins = [
    "grader.plugin.command_line",
    "grader.plugin.tree",
    "grader.plugin.turns",
    "grader.plugin.judging",
    "grader.plugin.gathering",
]
