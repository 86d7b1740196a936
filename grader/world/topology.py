"""Topologies: what hosts and networks a world has, read from YAML and validated."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from grader import document
from grader.document import Strict

# What a switch and a link between routers get out of their network.
SWITCH_PREFIX, LINK_PREFIX, PREFIX_6 = 24, 30, 64

ServiceName = Literal["dns", "ntp", "web", "iperf3"]


def _as_range(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


# IFNAMSIZ, with the zero at the end (linux/if.h).
InterfaceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,14}$")]
# How one host's MAC address begins, as its vendor has it: the lowest bit of the first byte is 0.
MacPrefix = Annotated[str, Field(pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){0,2}$")]
Count = Annotated[
    tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]],
    BeforeValidator(_as_range),
]


class HostSpec(Strict):
    """A host, or several alike: `count` is a number or a range to draw from.

    `firewall` is a ruleset for `nft -f`. With `echo_delay_ms` ICMP echo over IPv4 is answered so
    much later than at once.
    """

    count: Count = (1, 1)
    sandbox: bool = False
    forwards: bool = False
    sysctls: dict[str, int] = {}
    firewall: str = ""
    echo_delay_ms: Annotated[int, Field(ge=0, le=10_000)] = 0
    services: tuple[ServiceName, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.count
        if low > high:
            raise ValueError(f"count: expected a range from low to high, found {low} to {high}")
        if self.sandbox and self.count != (1, 1):
            raise ValueError("sandbox: there is exactly one such host")
        if self.sandbox and (self.firewall or self.echo_delay_ms):
            raise ValueError("sandbox: the student's host has no firewall or echo_delay_ms")
        return self


class NetworkSpec(Strict):
    """Links between hosts: a switch for all, a chain of links in their order, or one cable.

    A switch and a chain draw their subnets from `ipv4` and `ipv6`. A cable between two hosts has
    `ipv4` itself, its first two addresses, the names in `interfaces`, and segmentation offload.
    MAC addresses on a switch begin with one of `vendors`, if there are any.
    """

    name: str
    kind: Literal["switch", "chain", "cable"]
    hosts: tuple[str, ...] = Field(min_length=2)
    ipv4: IPv4Network
    ipv6: IPv6Network | None = None
    gateway: str | None = None
    interfaces: tuple[InterfaceName, InterfaceName] | None = None
    vendors: tuple[MacPrefix, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "cable":
            if len(self.hosts) != 2 or self.interfaces is None or self.ipv6 is not None:
                raise ValueError("a cable has two hosts, two interfaces and no ipv6")
        elif self.ipv6 is None or self.interfaces is not None:
            raise ValueError(f"a {self.kind} has ipv6 and names its interfaces itself")
        if self.vendors and self.kind != "switch":
            raise ValueError(f"a {self.kind} has no vendors")
        limits = {"switch": SWITCH_PREFIX, "chain": LINK_PREFIX, "cable": LINK_PREFIX}
        for network, limit in ((self.ipv4, limits[self.kind]), (self.ipv6, PREFIX_6)):
            if network is not None and network.prefixlen > limit:
                raise ValueError(f"expected a network of at least a /{limit}, found {network}")
        return self


class NameSpec(Strict):
    """The addresses of a name in DNS: given, or how many to draw from the pools."""

    ipv4: int | tuple[IPv4Address, ...] = 1
    ipv6: int | tuple[IPv6Address, ...] = 0


class Pools(Strict):
    """Where the addresses of names are drawn from."""

    ipv4: IPv4Network
    ipv6: IPv6Network


class Topology(Strict):
    """The declaration of a world."""

    hosts: dict[str, HostSpec]
    networks: tuple[NetworkSpec, ...]
    names: dict[str, NameSpec] = {}
    pools: Pools | None = None

    @classmethod
    def load(cls, path: Path) -> "Topology":
        """Read `path`. Raises BadInput naming file, line and item."""
        return document.load(path, cls)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(host.sandbox for host in self.hosts.values()) != 1:
            raise ValueError("hosts: expected exactly one with sandbox: true")
        for network in self.networks:
            for name in (*network.hosts, *filter(None, [network.gateway])):
                if name not in self.hosts:
                    known = ", ".join(self.hosts)
                    raise ValueError(
                        f"networks: {network.name} names host {name!r}; known hosts: {known}"
                    )
        servers = [name for name, host in self.hosts.items() if "dns" in host.services]
        if len(servers) > 1:
            raise ValueError(f"hosts: dns on one host only, found {', '.join(servers)}")
        if self.names and (not servers or self.pools is None):
            raise ValueError("names: expected a host with service dns and pools to draw from")
        for name, host in self.hosts.items():
            if host.services and host.count != (1, 1):
                raise ValueError(f"hosts: {name} has services, so there is exactly one such host")
        return self
