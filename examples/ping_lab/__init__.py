"""A complete small lab: one task, three checks. docs/writing-a-lab.md explains it."""
