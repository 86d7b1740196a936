"""Topologies: what hosts and networks a world has, read from YAML and validated."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from grader import document
from grader.document import Strict

# What a switch and a link between routers get out of their network.
SWITCH_PREFIX, LINK_PREFIX, PREFIX_6 = 24, 30, 64

ServiceName = Literal["dns", "ntp", "web"]


def _as_range(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


Count = Annotated[
    tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]],
    BeforeValidator(_as_range),
]


class HostSpec(Strict):
    """A host, or several alike: `count` is a number or a range to draw from."""

    count: Count = (1, 1)
    sandbox: bool = False
    forwards: bool = False
    sysctls: dict[str, int] = {}
    services: tuple[ServiceName, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.count
        if low > high:
            raise ValueError(f"count: expected a range from low to high, found {low} to {high}")
        if self.sandbox and self.count != (1, 1):
            raise ValueError("sandbox: there is exactly one such host")
        return self


class NetworkSpec(Strict):
    """Links between hosts: one switch for all, or a chain of links in the hosts' order."""

    name: str
    kind: Literal["switch", "chain"]
    hosts: tuple[str, ...] = Field(min_length=2)
    ipv4: IPv4Network
    ipv6: IPv6Network
    gateway: str | None = None

    @model_validator(mode="after")
    def _wide_enough(self) -> Self:
        longest = SWITCH_PREFIX if self.kind == "switch" else LINK_PREFIX
        for network, limit in ((self.ipv4, longest), (self.ipv6, PREFIX_6)):
            if network.prefixlen > limit:
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
        servers = [name for name, host in self.hosts.items() if host.services]
        if len(servers) > 1:
            raise ValueError(f"hosts: services on one host only, found {', '.join(servers)}")
        if self.names and (not servers or self.pools is None):
            raise ValueError("names: expected a host with services and pools to draw from")
        return self
