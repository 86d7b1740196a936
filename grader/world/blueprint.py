"""From a topology and a seed to one definite world: every host, link, address and route."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Network,
    IPv6Network,
    ip_interface,
)
from typing import Any

from grader.errors import BadInput
from grader.world.topology import HostSpec, NetworkSpec, Topology

SWITCH, CHAIN, CABLE = "switch", "chain", "cable"
ATTEMPTS = 1000
# Locally administered, unicast (IEEE 802-2014, 8.2).
LOCAL = "02"


@dataclass(frozen=True)
class Interface:
    """One end of a link: where it is, and its addresses with prefix length."""

    host: str
    name: str
    mac: str
    addresses: tuple[str, ...] = ()

    def address(self, version: int) -> str:
        """Its address of IP `version`, without prefix length."""
        found = (ip_interface(a) for a in self.addresses)
        return next(str(one.ip) for one in found if one.version == version)


@dataclass
class Blueprint:
    """A definite world, as data; the same topology and seed give the same."""

    hosts: dict[str, HostSpec] = field(default_factory=dict)
    student: str = ""
    server: str = ""
    path: tuple[str, ...] = ()
    interfaces: list[Interface] = field(default_factory=list)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    links: list[tuple[Interface, Interface]] = field(default_factory=list)
    bridges: dict[str, list[str]] = field(default_factory=dict)
    routes: list[tuple[str, str, str]] = field(default_factory=list)
    cables: set[Interface] = field(default_factory=set)
    subnets: set[IPv4Network | IPv6Network] = field(default_factory=set)

    def interface(self, host: str, name: str | None = None) -> Interface:
        """The (first) interface of `host`, or that of `name`."""
        return next(one for one in self.interfaces if one.host == host and name in (None, one.name))

    def other_end(self, interface: Interface) -> Interface:
        """The other end of an interface's cable. Raises LookupError if it has none."""
        for link in self.links:
            for one, other in (link, link[::-1]):
                if one == interface:
                    return other
        raise LookupError(f"{interface.host}:{interface.name} has no cable")

    def plan(self, sandbox: int | None) -> dict[str, Any]:
        """What the agent's network.build takes; `sandbox` is the student's, if it has one."""
        return {
            "hosts": [
                *({"name": switch} for switch in self.bridges),
                *(_host_plan(name, spec, sandbox) for name, spec in self.hosts.items()),
            ],
            "links": [
                {
                    "ends": [[end.host, end.name, end.mac] for end in link],
                    "offload": link[0] in self.cables,
                }
                for link in self.links
            ],
            "bridges": [
                {"host": switch, "name": "br0", "ports": ports}
                for switch, ports in self.bridges.items()
            ],
            "addresses": [
                [one.host, one.name, *_split(address)]
                for one in self.interfaces
                for address in one.addresses
            ],
            "routes": [list(route) for route in self.routes],
            "neighbours": list(self._neighbours()),
            "late_echoes": [
                [name, spec.echo_delay_ms / 1000, self._addresses(name)]
                for name, spec in self.hosts.items()
                if spec.echo_delay_ms
            ],
        }

    def _addresses(self, host: str) -> list[str]:
        """All of a host's addresses, without prefix lengths."""
        own = (one for one in self.interfaces if one.host == host)
        return [_split(address)[0] for one in own for address in one.addresses]

    def _neighbours(self) -> Iterator[list[str]]:
        """All but the student's host know their neighbours: no ARP of theirs is ever seen."""
        for here in self.interfaces:
            for there in self.interfaces:
                if here.host in (self.student, there.host):
                    continue
                for address in there.addresses:
                    if any(_in_network(address, own) for own in here.addresses):
                        yield [here.host, here.name, str(ip_interface(address).ip), there.mac]


def _in_network(address: str, own: str) -> bool:
    network = ip_interface(own).network
    return network.prefixlen < network.max_prefixlen and ip_interface(address).network == network


def _split(address: str) -> tuple[str, int]:
    found = ip_interface(address)
    return str(found.ip), found.network.prefixlen


def _host_plan(name: str, spec: HostSpec, sandbox: int | None) -> dict[str, Any]:
    forwards = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1} if spec.forwards else {}
    # The agent answers in the kernel's place.
    late = {"ipv4/icmp_echo_ignore_all": 1} if spec.echo_delay_ms else {}
    return {
        "name": name,
        "sandbox": sandbox if spec.sandbox else None,
        # accept_ra and router solicitations: the world's routes are all given
        "sysctls": {
            "ipv6/conf/default/accept_ra": 0,
            "ipv6/conf/default/router_solicitations": 0,
            **forwards,
            **late,
            **spec.sysctls,
        },
    }


def draw(topology: Topology, rng: random.Random) -> Blueprint:
    """A definite world of `topology`, all that is random drawn from `rng`."""
    blueprint = Blueprint()
    members: dict[str, list[str]] = {}
    for name, spec in topology.hosts.items():
        count = rng.randint(*spec.count)
        alone = spec.count == (1, 1)
        members[name] = [name] if alone else [f"{name}{i}" for i in range(1, count + 1)]
        blueprint.hosts |= dict.fromkeys(members[name], spec)
        blueprint.student = name if spec.sandbox else blueprint.student
        blueprint.server = name if "dns" in spec.services else blueprint.server
    # Theirs are given: nothing that is drawn may be the same.
    blueprint.subnets |= {one.ipv4 for one in topology.networks if one.kind == CABLE}
    add = {SWITCH: _add_switch, CHAIN: _add_chain, CABLE: _add_cable}
    for network in topology.networks:
        hosts = [one for name in network.hosts for one in members[name]]
        add[network.kind](blueprint, network, hosts, rng)
    _add_names(blueprint, topology, rng)
    return blueprint


def _subnet(
    blueprint: Blueprint,
    network: IPv4Network | IPv6Network | None,
    bits: int,
    rng: random.Random,
) -> Any:
    """A random subnet of `network` of prefix length `bits`, which no other link has."""
    if network is None:
        raise BadInput("networks: expected an IPv6 network to draw from, found none")
    for _ in range(ATTEMPTS):
        offset = rng.getrandbits(bits - network.prefixlen) << (network.max_prefixlen - bits)
        found = type(network)((int(network.network_address) + offset, bits))
        if found not in blueprint.subnets:
            blueprint.subnets.add(found)
            return found
    raise BadInput(f"networks: {network} has no /{bits} left for another link")


def _mac(rng: random.Random, vendors: Sequence[str] = (LOCAL,)) -> str:
    """A random MAC address that begins as one of `vendors`' do."""
    prefix = bytes.fromhex(
        (rng.choice(vendors) if len(vendors) > 1 else vendors[0]).replace(":", "")
    )
    return ":".join(f"{byte:02x}" for byte in (*prefix, *rng.randbytes(6 - len(prefix))))


def _add_switch(
    blueprint: Blueprint, network: NetworkSpec, hosts: list[str], rng: random.Random
) -> None:
    four, six = _subnet(blueprint, network.ipv4, 24, rng), _subnet(blueprint, network.ipv6, 64, rng)
    numbers = rng.sample(range(2, 254), len(hosts))
    gateway: Interface | None = None
    ports = []
    for host, number in zip(hosts, numbers, strict=True):
        if host == network.gateway:
            number = 1  # noqa: PLW2901 where every LAN's gateway is
        addresses = (f"{four[number]}/24", f"{six[number]}/64")
        name = f"eth{sum(host in (a.host, b.host) for a, b in blueprint.links)}"
        interface = Interface(host, name, _mac(rng, network.vendors or (LOCAL,)), addresses)
        port = Interface(network.name, f"{host}"[:15], _mac(rng))
        blueprint.interfaces.append(interface)
        blueprint.links.append((port, interface))
        ports.append(port.name)
        gateway = interface if host == network.gateway else gateway
    blueprint.bridges[network.name] = ports
    if gateway is not None:
        # Who is on two LANs has the first one's gateway.
        led = {host for host, destination, _ in blueprint.routes if destination == "0.0.0.0/0"}
        for host in hosts:
            if host != gateway.host and host not in led:
                blueprint.routes += [
                    (host, "0.0.0.0/0", gateway.address(4)),
                    (host, "::/0", gateway.address(6)),
                ]


def _add_chain(
    blueprint: Blueprint, network: NetworkSpec, hosts: list[str], rng: random.Random
) -> None:
    """Links in the hosts' order; defaults lead to the last, routes back to the first's LAN."""
    blueprint.path = tuple(hosts)
    lan = [
        str(ip_interface(address).network)
        for interface in blueprint.interfaces
        if interface.host == hosts[0]
        for address in interface.addresses
    ]
    for near, far in itertools.pairwise(hosts):
        four, six = (
            _subnet(blueprint, network.ipv4, 30, rng),
            _subnet(blueprint, network.ipv6, 64, rng),
        )
        out = Interface(near, "up0", _mac(rng), (f"{four[1]}/30", f"{six[1]}/64"))
        back = Interface(far, "down0", _mac(rng), (f"{four[2]}/30", f"{six[2]}/64"))
        blueprint.interfaces += [out, back]
        blueprint.links.append((out, back))
        blueprint.routes += [
            (near, "0.0.0.0/0", back.address(4)),
            (near, "::/0", back.address(6)),
            *((far, subnet, out.address(6 if ":" in subnet else 4)) for subnet in lan),
        ]
        # Errors that a router sends come from its address towards the student: a way back.
        lan += [str(ip_interface(address).network) for address in out.addresses]


def _add_cable(
    blueprint: Blueprint, network: NetworkSpec, hosts: list[str], rng: random.Random
) -> None:
    """One link, whose ends have the network's first two addresses."""
    names = network.interfaces or ("", "")
    ends = [
        Interface(host, name, _mac(rng), (f"{network.ipv4[i]}/{network.ipv4.prefixlen}",))
        for i, (host, name) in enumerate(zip(hosts, names, strict=True), start=1)
    ]
    blueprint.interfaces += ends
    blueprint.links.append((ends[0], ends[1]))
    blueprint.cables.add(ends[0])


def _add_names(blueprint: Blueprint, topology: Topology, rng: random.Random) -> None:
    """Addresses for all names, on a loopback of the server."""
    if topology.pools is None:
        return
    taken: set[str] = set()
    pools: Mapping[str, Any] = {"ipv4": topology.pools.ipv4, "ipv6": topology.pools.ipv6}
    for name, spec in topology.names.items():
        addresses: list[str] = []
        for family, pool in pools.items():
            wanted = getattr(spec, family)
            given = [] if isinstance(wanted, int) else [str(one) for one in wanted]
            while isinstance(wanted, int) and len(given) < wanted:
                one = str(pool[rng.randrange(1, min(pool.num_addresses, 2**32) - 1)])
                if one not in taken and not one.endswith((".0", ".255")):
                    taken.add(one)
                    given.append(one)
            addresses += given
        blueprint.names[name] = tuple(addresses)
    every = tuple(
        f"{address}/{128 if ':' in address else 32}"
        for addresses in blueprint.names.values()
        for address in addresses
    )
    blueprint.interfaces.append(Interface(blueprint.server, "lo", "", every))
