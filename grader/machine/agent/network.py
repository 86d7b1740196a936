"""Network namespaces of a world, and the links, addresses and routes between them.

A plan is data: hosts, links, addresses, routes, sysctls. All of it is made through rtnetlink(7);
a namespace has no name and is held by a descriptor, so that it vanishes with the agent.
"""

import ctypes
import fcntl
import itertools
import os
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from pyroute2 import IPRoute

from . import namespaces as ns
from .processes import Processes
from .sandboxes import ENVIRONMENT, Sandboxes

T = TypeVar("T")
SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO


def inside(netns: int, action: Callable[[], T]) -> T:
    """Run `action` in the network namespace behind the descriptor `netns`, in its own thread."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            ns.setns(netns, ns.CLONE_NEWNET)
            outcome.set_result(action())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome.result()


def _new_namespace() -> int:
    result: list[int] = []

    def make() -> None:
        ns.unshare(ns.CLONE_NEWNET)
        result.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return result[0]


class World:
    """The namespaces of one world, by host name, with a netlink socket in each."""

    def __init__(self) -> None:
        self.namespaces: dict[str, int] = {}
        self.borrowed: set[str] = set()
        self.netlink: dict[str, IPRoute] = {}
        self.processes: list[int] = []

    def close(self) -> None:
        """Let go of all that was made."""
        for route in self.netlink.values():
            route.close()
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
        mac], [...]]}], bridges [{host, name, ports}], addresses [[host, interface, address,
        prefix]], routes [[host, destination, via]], neighbours [[host, interface, address, mac]].
        """
        number = next(self._numbers)
        world = self._all[number] = World()
        try:
            for host in plan["hosts"]:
                self._make_host(world, host)
            _make_links(world, plan)
        except BaseException:
            self.call_destroy(number)
            raise
        return number

    def _make_host(self, world: World, host: dict[str, Any]) -> None:
        name = host["name"]
        if host.get("sandbox") is not None:
            world.namespaces[name] = self._sandboxes.netns(host["sandbox"])
            world.borrowed.add(name)
        else:
            world.namespaces[name] = _new_namespace()

        def prepare() -> IPRoute:
            for key, value in host.get("sysctls", {}).items():
                Path("/proc/sys/net", key).write_text(str(value), encoding="ascii")
            return IPRoute()

        world.netlink[name] = inside(world.namespaces[name], prepare)

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
        spec = {
            "argv": argv,
            "cwd": "/tmp",  # noqa: S108
            "env": ENVIRONMENT | env,
            "user": None,
            "uid_root": None,
            "capabilities": None,
            "limits": {"CORE": 0},
        }
        join = [(self._all[world].namespaces[host], ns.CLONE_NEWNET)]
        process = self._processes.start(
            spec, join, output_limit=output_limit, terminal=False, stdin=stdin
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


def _make_links(world: World, plan: dict[str, Any]) -> None:
    links = world.netlink
    for link in plan["links"]:
        (host, name, mac), (peer, peer_name, peer_mac) = link["ends"]
        links[host].link(
            "add",
            ifname=name,
            kind="veth",
            address=mac,
            peer={
                "ifname": peer_name,
                "address": peer_mac,
                "net_ns_fd": world.namespaces[peer],
            },
        )
    index = {
        host: {link.get_attr("IFLA_IFNAME"): link["index"] for link in route.get_links()}
        for host, route in links.items()
    }
    for host, netns in world.namespaces.items():
        ends = [end[1] for link in plan["links"] for end in link["ends"] if end[0] == host]
        inside(netns, lambda ends=ends: _plain_ethernet(ends))  # type: ignore[misc]
    for bridge in plan["bridges"]:
        route = links[bridge["host"]]
        route.link("add", ifname=bridge["name"], kind="bridge", br_mcast_snooping=0)
        found = route.link_lookup(ifname=bridge["name"])[0]
        index[bridge["host"]][bridge["name"]] = found
        for port in bridge["ports"]:
            route.link("set", index=index[bridge["host"]][port], master=found)
    for host, interfaces in index.items():
        for number in interfaces.values():
            links[host].link("set", index=number, state="up")
    for host, interface, address, prefix in plan["addresses"]:
        # nodad: a tentative IPv6 address drops the first packets
        flags = {"flags": 0x02} if ":" in address else {}
        links[host].addr(
            "add", index=index[host][interface], address=address, prefixlen=prefix, **flags
        )
    for host, destination, via in plan["routes"]:
        family = socket.AF_INET6 if ":" in via else socket.AF_INET
        links[host].route("add", family=family, dst=destination, gateway=via)
    for host, interface, address, mac in plan["neighbours"]:
        links[host].neigh(
            "replace", dst=address, lladdr=mac, ifindex=index[host][interface], state=0x80
        )
