"""The small internet around the student's host."""

from grader.world.topology import Topology
from grader.world.world import Host, World

__all__ = ["Host", "Topology", "World"]
