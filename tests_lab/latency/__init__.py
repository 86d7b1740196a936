"""04b: the script runs under loads, and what it printed beside what was measured."""
