"""Network namespaces of a world, and the links, addresses and routes between them.

A plan is data: hosts, links, addresses, routes, sysctls. All of it is made through rtnetlink(7);
a namespace has no name and is held by a descriptor, so that it vanishes with the agent.
"""

import ctypes
import fcntl
import functools
import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from . import namespaces as ns
from . import rtnetlink as rt
from .echo import LateEcho
from .processes import Processes
from .sandboxes import Sandboxes

T = TypeVar("T")
SIOCETHTOOL = 0x8946
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40
RUNNING_WITHIN = 5.0
LOOPBACK = 1
# Above the indices of tunl0, sit0 and such, which some kernels put into every namespace.
FIRST_INDEX = 16
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO


def in_a_thread(action: Callable[[], T]) -> T:
    """Run `action` in a thread of its own, so that the namespaces it joins are left with it."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome.result()


def inside(netns: int, action: Callable[[], T]) -> T:
    """Run `action` in the network namespace behind the descriptor `netns`."""

    def run() -> T:
        ns.setns(netns, ns.CLONE_NEWNET)
        return action()

    return in_a_thread(run)


class World:
    """The namespaces of one world, by host name, with a netlink socket in each."""

    def __init__(self) -> None:
        self.namespaces: dict[str, int] = {}
        self.borrowed: set[str] = set()
        self.netlink: dict[str, rt.Netlink] = {}
        self.processes: list[int] = []
        self.echoes: list[LateEcho] = []

    def close(self) -> None:
        """Let go of all that was made."""
        for echo in self.echoes:
            echo.close()
        for netlink in self.netlink.values():
            netlink.close()
        for name, fd in self.namespaces.items():
            if name not in self.borrowed:
                os.close(fd)


class Network:
    """All worlds of this machine."""

    def __init__(self, sandboxes: Sandboxes, processes: Processes) -> None:
        self._sandboxes = sandboxes
        self._processes = processes
        self._numbers = itertools.count(1)
        self._all: dict[int, World] = {}

    def call_build(self, plan: dict[str, Any]) -> int:
        """Make the hosts and links of `plan`; returns the world's number.

        plan: hosts [{name, sandbox?, sysctls {name: value}}], links [{ends [[host, interface,
        mac], [...]], offload}], bridges [{host, name, ports}], addresses [[host, interface,
        address, prefix]], routes [[host, destination, via]], neighbours [[host, interface,
        address, mac]], late_echoes [[host, seconds, addresses]].
        """
        number = next(self._numbers)
        world = self._all[number] = World()
        try:
            in_a_thread(lambda: self._make_hosts(world, plan["hosts"]))
            _make_links(world, plan)
            for host, delay, addresses in plan["late_echoes"]:
                make = functools.partial(LateEcho, delay, addresses)
                world.echoes.append(inside(world.namespaces[host], make))
        except BaseException:
            self.call_destroy(number)
            raise
        return number

    def _make_hosts(self, world: World, hosts: list[dict[str, Any]]) -> None:
        """Go from namespace to namespace, making them; for a thread that ends afterwards."""
        for host in hosts:
            name = host["name"]
            if host.get("sandbox") is None:
                ns.unshare(ns.CLONE_NEWNET)
                own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                world.namespaces[name] = own
            else:
                world.namespaces[name] = self._sandboxes.netns(host["sandbox"])
                world.borrowed.add(name)
                ns.setns(world.namespaces[name], ns.CLONE_NEWNET)
            for key, value in host.get("sysctls", {}).items():
                Path("/proc/sys/net", key).write_text(str(value), encoding="ascii")
            world.netlink[name] = rt.Netlink()

    def netns(self, world: int, host: str) -> int:
        """A descriptor of a host's network namespace; the world's to close."""
        return self._all[world].namespaces[host]

    def call_start(
        self,
        world: int,
        host: str,
        argv: list[str],
        *,
        env: dict[str, str],
        output_limit: int,
        stdin: bytes | None = None,
    ) -> dict[str, Any]:
        """Start a program on a host of the world, as the machine's root."""
        join = [(self._all[world].namespaces[host], ns.CLONE_NEWNET)]
        process = self._processes.start_as_root(
            argv, join, env=env, output_limit=output_limit, stdin=stdin
        )
        self._all[world].processes.append(process.number)
        return process.state()

    def call_listening(self, world: int, host: str, protocol: str, port: int) -> bool:
        """Whether a socket on `host` is bound to `port` of `protocol` (tcp or udp)."""
        state = "0A" if protocol == "tcp" else "07"

        def look() -> bool:
            for suffix in ("", "6"):
                table = Path(f"/proc/thread-self/net/{protocol}{suffix}")
                for line in table.read_text(encoding="ascii").splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == state and int(fields[1].rpartition(":")[2], 16) == port:
                        return True
            return False

        return inside(self.netns(world, host), look)

    def call_table_fulls(self, world: int, host: str) -> int:
        """How often the kernel has had no room for another neighbour, of any host on it."""
        return self._all[world].netlink[host].table_fulls()

    def call_destroy(self, world: int) -> None:
        """End the world's processes and let go of its namespaces."""
        it = self._all.pop(world, None)
        if it is None:
            return
        for process in it.processes:
            self._processes.call_forget(process)
        it.close()


def _plain_ethernet(interfaces: list[str]) -> None:
    """Have segments and checksums made by the kernel at once, as they are on a real cable.

    Without it a capture shows segments of 64 KiB and checksums that a card would fill in
    (include/uapi/linux/ethtool.h).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for name in interfaces:
            for command in OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
                fcntl.ioctl(control, SIOCETHTOOL, request)


def _await_running(interfaces: list[str]) -> None:
    """Wait until links that were switched on pass packets, which the kernel sees to on its own.

    Raises TimeoutError.
    """
    end = time.monotonic() + RUNNING_WITHIN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for name in interfaces:
            while not _flags(control, name) & IFF_RUNNING:
                if time.monotonic() > end:
                    raise TimeoutError(f"{name} is not running within {RUNNING_WITHIN:g} s")
                time.sleep(0.0005)


def _flags(control: socket.socket, name: str) -> int:
    answer = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
    return int(struct.unpack_from("16xH", answer)[0])


def _make_links(world: World, plan: dict[str, Any]) -> None:
    """Make the links, then, once all are up, what needs them: one system call a host for each."""
    index = _numbered(plan)
    made: dict[str, list[bytes]] = {host: [] for host in world.namespaces}
    up: dict[str, list[bytes]] = {
        host: [rt.set_up(number) for number in index[host].values()] for host in made
    }
    rest: dict[str, list[bytes]] = {host: [] for host in made}
    for link in plan["links"]:
        (host, name, mac), (peer, peer_name, peer_mac) = link["ends"]
        far = (index[peer][peer_name], peer_name, peer_mac)
        made[host].append(rt.add_veth(index[host][name], name, mac, far, world.namespaces[peer]))
    for bridge in plan["bridges"]:
        host, number = bridge["host"], index[bridge["host"]][bridge["name"]]
        made[host].append(rt.add_bridge(number, bridge["name"]))
        up[host][:0] = [rt.set_master(index[host][port], number) for port in bridge["ports"]]
    for host, interface, address, prefix in plan["addresses"]:
        rest[host].append(rt.add_address(index[host][interface], address, prefix))
    for host, destination, via in plan["routes"]:
        rest[host].append(rt.add_route(destination, via))
    for host, interface, address, mac in plan["neighbours"]:
        rest[host].append(rt.set_neighbour(index[host][interface], address, mac))
    _send(world, made)
    plain, ends = _ends(plan, offload=False), _ends(plan)
    in_a_thread(lambda: _each(world, plain, _plain_ethernet))
    _send(world, up)
    in_a_thread(lambda: _each(world, ends, _await_running))
    _send(world, rest)


def _numbered(plan: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The index of every interface, by host and name: chosen here, so that none must be asked.

    No two are alike, not even in two namespaces: the kernel takes its time, up to a second, to
    put a link into service whose ends have the same (net/core/link_watch.c).
    """
    index = {host["name"]: {"lo": LOOPBACK} for host in plan["hosts"]}
    ends = [end[:2] for link in plan["links"] for end in link["ends"]]
    bridges = [[one["host"], one["name"]] for one in plan["bridges"]]
    for number, (host, name) in enumerate([*ends, *bridges], start=FIRST_INDEX):
        index[host][name] = number
    return index


def _ends(plan: dict[str, Any], *, offload: bool = True) -> dict[str, list[str]]:
    """The ends of links by host; those that keep their offloads may be left out."""
    ends: dict[str, list[str]] = {host["name"]: [] for host in plan["hosts"]}
    for link in plan["links"]:
        if link["offload"] and not offload:
            continue
        for host, name, _ in link["ends"]:
            ends[host].append(name)
    return ends


def _send(world: World, messages: dict[str, list[bytes]]) -> None:
    for host, some in messages.items():
        try:
            world.netlink[host].send(some)
        except OSError as error:
            raise OSError(error.errno, f"{host}: {error.strerror}") from error


def _each(world: World, ends: dict[str, list[str]], action: Callable[[list[str]], None]) -> None:
    """Call `action` on each host with its ends; for a thread that ends afterwards."""
    for host, names in ends.items():
        ns.setns(world.namespaces[host], ns.CLONE_NEWNET)
        action(names)
