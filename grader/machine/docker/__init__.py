"""Machines and sandboxes that are a Docker engine's containers: on its kernel, under its limits."""

from grader.machine.docker.engine import Engine
from grader.machine.docker.machine import DockerMachine

__all__ = ["DockerMachine", "Engine"]
