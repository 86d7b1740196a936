"""A world while it lives: its hosts, what runs on them, what passes between them."""

from __future__ import annotations

import random
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from grader.deadline import wait_until
from grader.disposable import Disposable
from grader.errors import GraderError
from grader.machine.client import MachineError
from grader.machine.process import Completed, Process, shown
from grader.sandbox import Limits, Sandbox
from grader.world import neighbours, services
from grader.world.blueprint import Blueprint, Interface, draw

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from grader.machine.client import Machine
    from grader.world.topology import Topology

READY_WITHIN = 15.0
CLIENT_OUTPUT = 4 * 1024 * 1024
DRAWN = "# world: "


class World(Disposable):
    """A small internet on a machine; made when its context is entered, gone when it is left."""

    def __init__(
        self,
        machine: Machine,
        topology: Topology,
        *,
        seed: str,
        certificate: bytes = b"",
        key: bytes = b"",
        limits: Limits | None = None,
        sandboxed: bool = True,
    ) -> None:
        """`seed` decides all that is random; `certificate` and `key` (PEM) are the web server's.

        Not `sandboxed`, the student's host has no `sandbox`; it is like any other `host`, for
        whoever is to be the machine's own root there.
        """
        self.machine = machine
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311 repeatable, not secret
        self.blueprint: Blueprint = draw(topology, self.rng)
        self.identity = services.Identity(certificate, key, f"{self.rng.getrandbits(64):016x}")
        self.commands: list[str] = []
        self._limits = limits
        self._sandboxed = sandboxed
        self._stack = ExitStack()
        self._serving: list[Process] = []
        self.number = 0
        self._fulls = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._sandboxed:
                self.sandbox = stack.enter_context(Sandbox(self.machine, self._limits))
            plan = self.blueprint.plan(self.sandbox.number if self._sandboxed else None)
            self.number = self.machine.call("network.build", within=20, plan=plan)
            stack.callback(self.machine.release, "network.destroy", within=10, world=self.number)
            self._raise_firewalls()
            self._start_services()
            self._fulls = self._table_fulls()
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """End all that runs in the world and let go of it."""
        self._stack.close()

    @property
    def student(self) -> Student:
        """The host that the submission runs on."""
        return Student(self, self.blueprint.student)

    def host(self, name: str) -> Host:
        """Any other host. Raises KeyError for a name that is none."""
        if name not in self.blueprint.hosts:
            raise KeyError(f"no host {name!r}; there are {', '.join(self.blueprint.hosts)}")
        return Host(self, name)

    def host_of(self, interface: Interface) -> Host:
        """Where an interface is: a host, or a network's switch."""
        return Host(self, interface.host)

    @property
    def server(self) -> Host:
        """The host of the services."""
        return Host(self, self.blueprint.server)

    @property
    def routers(self) -> int:
        """How many routers lie between the student's host and the server."""
        return len(self.blueprint.path) - 1

    def addresses(self, name: str, version: int) -> list[str]:
        """The addresses of a DNS name, of IP `version` 4 or 6."""
        return [a for a in self.blueprint.names[name] if (":" in a) == (version == 6)]

    def hosts_called(self, prefix: str) -> list[str]:
        """The hosts whose names are `prefix` and a number."""
        return [name for name in self.blueprint.hosts if name.startswith(prefix)]

    def save_commands(self, path: Path, replay: str, drawn: str) -> None:
        """Write what was run, in order; `replay` is the command that makes the same world again.

        `drawn` is of which topology the world is, and from what seed.
        """
        hops = " → ".join((self.blueprint.student, *self.blueprint.path))
        lines = [f"# again, in the same world: {replay}", f"{DRAWN}{drawn}", f"# {hops}"]
        lines += [f"# {one.host} {one.name}: {' '.join(one.addresses)}" for one in self.shown()]
        path.write_text("\n".join([*lines, *self.commands, ""]), encoding="utf-8")

    def shown(self) -> list[Interface]:
        """The interfaces with addresses, without the server's many names."""
        return [one for one in self.blueprint.interfaces if one.name != "lo"]

    def _raise_firewalls(self) -> None:
        started = [
            (self.host(name).start("nft", "-f", "-", stdin=spec.firewall.encode()), name)
            for name, spec in self.blueprint.hosts.items()
            if spec.firewall
        ]
        for process, name in started:
            done = process.finish(READY_WITHIN)
            if done.exit != 0:
                raise GraderError(f"{name}: firewall: nft {done.outcome}: {done.complaints}")

    def _start_services(self) -> None:
        folder = f"world{self.number}"
        known = {
            "dns": lambda: services.dns(folder, self.blueprint.names, self.identity),
            "ntp": lambda: services.ntp(folder),
            "web": lambda: services.web(folder, self.identity),
            "iperf3": services.iperf3,
        }
        wanted = [
            (self.host(name), known[service]())
            for name, spec in self.blueprint.hosts.items()
            for service in spec.services
        ]
        files = {path: data for _, service in wanted for path, data in service.files.items()}
        self.machine.call("files.write", files=files)
        started = [(host, service, host.start(*service.argv)) for host, service in wanted]
        for host, service, process in started:
            self._await(host, service, process)
            self._serving.append(process)

    def must_be_sound(self) -> None:
        """Raise MachineError if what happened here may be the doing of nobody in the world.

        A service was killed, or the kernel had no room for another neighbour, and sent nothing.
        """
        for process in self._serving:
            done = process.so_far()
            if done.exit == -signal.SIGKILL:
                raise self.machine.failed(f"{process.argv[0]} {done.outcome}")
        if self.crowded:
            raise MachineError(neighbours.FULL, remedy=neighbours.MAKE_ROOM)

    @property
    def crowded(self) -> bool:
        """Whether the kernel, since this world was made, had no room for some host's neighbour."""
        return self._table_fulls() > self._fulls

    def _table_fulls(self) -> int:
        found: int = self.machine.call(
            "network.table_fulls", world=self.number, host=self.blueprint.student
        )
        return found

    def _await(self, host: Host, service: services.Service, process: Process) -> None:
        def ended() -> str | None:
            now = process.so_far()
            return None if now.exit is None and not now.error else now.outcome + now.complaints

        for protocol, port in service.listens:
            wait_until(
                lambda protocol=protocol, port=port: host.listens(protocol, port),  # type: ignore[misc]
                within=READY_WITHIN,
                what=f"{service.name} listening on {protocol} port {port}",
                ended=ended,
            )


class Host:
    """A host of a world."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self._machine = world.machine

    def interface(self, name: str | None = None) -> Interface:
        """Its interface of that name, or its first."""
        return self.world.blueprint.interface(self.name, name)

    def start(self, *argv: str, stdin: bytes | None = None) -> Process:
        """Start a program on it."""
        state = self._call(
            "start", argv=list(argv), env={}, output_limit=CLIENT_OUTPUT, stdin=stdin
        )
        return Process(self._machine, argv, state)

    def run(self, *argv: str, timeout: float = 10.0, stdin: bytes | None = None) -> Completed:
        """Run a program on it, at most `timeout` seconds."""
        self.world.commands.append(f"{self.name}$ {shown(argv)}")
        return self.start(*argv, stdin=stdin).finish(timeout)

    def listens(self, protocol: str, port: int) -> bool:
        """Whether something listens on it."""
        return bool(self._call("listening", protocol=protocol, port=port))

    def inject(self, interface: str, frames: list[bytes]) -> None:
        """Send ready-made frames out of one of its interfaces, past its own network stack."""
        self._machine.call(
            "captures.send",
            world=self.world.number, host=self.name, interface=interface, frames=frames,
        )  # fmt: skip

    def _call(self, name: str, **args: Any) -> Any:
        return self._machine.call(
            f"network.{name}", within=10, world=self.world.number, host=self.name, **args
        )


class Student(Host):
    """The student's host. What `run` starts on it is ours: beside the sandbox, out of its reach."""

    def start(
        self, *argv: str, stdin: bytes | None = None, user: tuple[int, int] = (0, 0)
    ) -> Process:
        """Start a program of ours in the host's network, as `user` (uid, gid)."""
        return self.world.sandbox.start_beside(*argv, stdin=stdin, user=user)

    def run(
        self,
        *argv: str,
        timeout: float = 10.0,
        stdin: bytes | None = None,
        user: tuple[int, int] = (0, 0),
    ) -> Completed:
        """Run a program of ours in the host's network, at most `timeout` seconds."""
        who = "#" if user[0] == 0 else "$"
        self.world.commands.append(f"{self.name}{who} {shown(argv)}")
        return self.start(*argv, stdin=stdin, user=user).finish(timeout)
