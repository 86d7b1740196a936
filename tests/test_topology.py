"""Topologies: what is wrong with one is named; a seed makes one definite world of it."""

from __future__ import annotations

import functools
import itertools
import random
import re
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from grader.errors import BadInput
from grader.world import Topology
from grader.world.blueprint import Blueprint, draw

REPO = Path(__file__).resolve().parents[1]
OFFICES = REPO / "fixtures" / "topologies"
INTERNET = OFFICES / "internet.yaml"
SEEDS = range(200)
PRIVATE = [ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
GOOD = """\
hosts:
  student: {sandbox: true}
  server: {services: [dns]}
networks:
  - name: lan
    kind: switch
    hosts: [student, server]
    ipv4: 10.0.0.0/8
    ipv6: fd00::/8
names:
  a.example: {ipv4: 1}
pools: {ipv4: 203.0.0.0/10, ipv6: "2a00::/16"}
"""
# What is put in the place of what, the line that is at fault, and what the message says of it.
FAULTS = {
    "an unknown key": ("kind: switch", "kind: switch\n    mtu: 1500", 7, "networks.0.mtu"),
    "a missing key": ("kind: switch", "", 5, "networks.0.kind"),
    "an unknown key of a host": ("sandbox: true", "sandbox: true, ram: 1", 2, "hosts.student.ram"),
    "an unknown kind": ("kind: switch", "kind: ring", 6, "'switch', 'chain' or 'cable'"),
    "an unknown service": ("[dns]", "[dns, gopher]", 3, "hosts.server.services.1"),
    "a host that is not there": ("[student, server]", "[student, sever]", 1, "'sever'"),
    "a gateway that is not there": ("ipv6: fd00::/8", "ipv6: fd00::/8\n    gateway: g", 1, "'g'"),
    "one host in a network": ("[student, server]", "[student]", 7, "networks.0.hosts"),
    "a network that is none": ("10.0.0.0/8", "10.0.0.0/33", 8, "networks.0.ipv4"),
    "host bits in a network": ("10.0.0.0/8", "10.0.0.1/8", 8, "networks.0.ipv4"),
    "a network too small": ("10.0.0.0/8", "10.0.0.0/28", 5, "at least a /24"),
    "no student": ("{sandbox: true}", "{}", 1, "exactly one with sandbox"),
    "two students": ("{services: [dns]}", "{services: [dns], sandbox: true}", 1, "exactly one"),
    "a switch without IPv6": ("    ipv6: fd00::/8\n", "", 5, "has ipv6"),
    "a cable with IPv6": ("kind: switch", "kind: cable", 5, "a cable has two hosts"),
    "a cable without interfaces": (
        "kind: switch\n    hosts: [student, server]\n    ipv4: 10.0.0.0/8\n    ipv6: fd00::/8",
        "kind: cable\n    hosts: [student, server]\n    ipv4: 10.9.0.0/24", 5, "two interfaces",
    ),
    "two servers of names": (
        "{services: [dns]}", "{services: [dns]}\n  other: {services: [dns]}", 1, "dns on one host",
    ),
    "services on many hosts": (
        "{services: [dns]}", "{services: [dns], count: 2}", 1, "exactly one such host",
    ),
    "many students": ("sandbox: true", "sandbox: true, count: 2", 2, "exactly one such host"),
    "a range upside down": ("{sandbox: true}", "{sandbox: true}\n  n: {count: [3, 1]}", 3, "3 to 1"),  # noqa: E501
    "a negative count": ("{sandbox: true}", "{sandbox: true}\n  n: {count: -1}", 3, "hosts.n.count"),  # noqa: E501
    "a huge count": ("{sandbox: true}", "{sandbox: true}\n  n: {count: 65}", 3, "hosts.n.count"),
    "a firewall of the student's": (
        "sandbox: true", "sandbox: true, firewall: flush ruleset", 2, "has no firewall",
    ),
    "a late student": ("sandbox: true", "sandbox: true, echo_delay_ms: 9", 2, "or echo_delay_ms"),
    "a negative delay": ("[dns]", "[dns], echo_delay_ms: -1", 3, "hosts.server.echo_delay_ms"),
    "a vendor that is none": (
        "kind: switch", "kind: switch\n    vendors: [intel]", 7, "networks.0.vendors.0",
    ),
    "a vendor of groups": (
        "kind: switch", 'kind: switch\n    vendors: ["01:00:5e"]', 7, "networks.0.vendors.0",
    ),
    "vendors of a chain": (
        "kind: switch", 'kind: chain\n    vendors: ["02"]', 5, "a chain has no vendors",
    ),
    "names without pools": ("pools:", "#", 1, "pools"),
    "an address that is none": ("{ipv4: 1}", "{ipv4: [1.2.3.400]}", 11, "names.a.example.ipv4"),
}  # fmt: skip


@functools.cache
def internet() -> Topology:
    """The lab's topology."""
    return Topology.load(INTERNET)


@functools.cache
def drawn(name: str, seed: int) -> Blueprint:
    """A world of that topology and seed."""
    topology = Topology.load(OFFICES / f"{name}.yaml")
    return draw(topology, random.Random(str(seed)))  # noqa: S311 repeatable, not secret


@functools.cache
def blueprint(seed: int) -> Blueprint:
    """The lab's world of that seed."""
    return draw(internet(), random.Random(str(seed)))  # noqa: S311 repeatable, not secret


def load(tmp_path: Path, text: str) -> Topology:
    """A topology from text."""
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return Topology.load(path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(tmp_path: Path, fault: str) -> None:
    """What is wrong in a topology is said with file, line and item."""
    right, wrong, line, item = FAULTS[fault]
    assert load(tmp_path, GOOD).hosts
    assert right in GOOD
    with pytest.raises(BadInput) as caught:
        load(tmp_path, GOOD.replace(right, wrong, 1))
    first = caught.value.what
    assert re.search(rf"net\.yaml:{line}: ", first), first
    assert item in first


def test_several_faults_are_all_named(tmp_path: Path) -> None:
    """Two faults at two places are two lines of one error."""
    text = GOOD.replace("kind: switch", "kind: ring").replace("[dns]", "[gopher]")
    with pytest.raises(BadInput) as caught:
        load(tmp_path, text)
    assert [line.split(":")[1] for line in caught.value.what.splitlines()] == ["3", "6"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hosts: [", "net.yaml:"),
        ("a: b: c", "net.yaml:1"),
        ("", "net.yaml:1"),
        ("- 1", "net.yaml:1"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, place: str) -> None:
    """Broken YAML, an empty file and a list are refused with the file's name."""
    with pytest.raises(BadInput, match=re.escape(place)):
        load(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A topology that is not there is an error of ours that names the file."""
    with pytest.raises(BadInput, match=r"nowhere\.yaml"):
        Topology.load(tmp_path / "nowhere.yaml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are an error that names the file."""
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"net\.yaml"):
        Topology.load(path)


def test_a_seed_repeats_its_world() -> None:
    """The same seed draws the same hosts, links, addresses, routes and names."""
    for seed in SEEDS:
        again = random.Random(str(seed))  # noqa: S311 repeatable, not secret
        assert draw(internet(), again) == blueprint(seed)


def test_another_seed_is_another_world() -> None:
    """No two of 200 seeds give the student the same address or MAC address."""
    students = [blueprint(seed).interface("student") for seed in SEEDS]
    assert len({one.mac for one in students}) == len(SEEDS)
    assert len({one.addresses for one in students}) == len(SEEDS)


def test_all_addresses_are_unique() -> None:
    """No two interfaces of a world share an address, and none a MAC address."""
    for seed in SEEDS:
        drawn = blueprint(seed)
        every = [ip_interface(a).ip for one in drawn.interfaces for a in one.addresses]
        assert len(every) == len(set(every)), seed
        macs = [end.mac for link in drawn.links for end in link]
        assert len(macs) == len(set(macs)), seed


def test_macs_are_unicast() -> None:
    """Every MAC address is a locally administered unicast one."""
    for seed in SEEDS:
        for link in blueprint(seed).links:
            for end in link:
                assert int(end.mac[:2], 16) & 0b11 == 0b10


def test_two_to_six_routers() -> None:
    """Between the student and the internet lie 2 to 6 routers, and each number occurs."""
    assert {len(blueprint(seed).path) - 1 for seed in SEEDS} == {2, 3, 4, 5, 6}


def test_the_lan_is_private() -> None:
    """The student's LAN is a private /24 (RFC 1918) and a unique local /64 (RFC 4193)."""
    for seed in SEEDS:
        four, six = (
            ip_interface(a).network for a in blueprint(seed).interface("student").addresses
        )
        assert four.prefixlen == 24
        assert any(four.subnet_of(one) for one in PRIVATE)
        assert six.prefixlen == 64
        assert six.subnet_of(ip_network("fd00::/8"))


def test_the_lan_has_its_hosts() -> None:
    """All hosts of the LAN are in one subnet, with two or more neighbours and a silent one."""
    for seed in SEEDS:
        drawn = blueprint(seed)
        lan = ip_interface(drawn.interface("student").addresses[0]).network
        here = {
            one.host for one in drawn.interfaces for a in one.addresses if ip_interface(a).ip in lan
        }
        names = [re.sub(r"\d+$", "", name) for name in here]
        assert {"student", "gateway"} < here
        assert names.count("neighbour") >= 2
        assert names.count("silent") >= 1


def test_no_subnet_overlaps_another() -> None:
    """Links have subnets of their own, apart from the LAN and from the names' addresses."""
    for seed in SEEDS:
        drawn = blueprint(seed)
        nets = {ip_interface(a).network for one in drawn.interfaces for a in one.addresses}
        ordered = sorted(net for net in nets if net.version == 4)
        assert not [pair for pair in itertools.pairwise(ordered) if pair[0].overlaps(pair[1])], seed


def test_no_two_links_share_a_subnet() -> None:
    """However few subnets there are to draw from, every link gets one of its own."""
    chain = internet().networks[1].model_copy(update={"ipv4": ip_network("198.18.0.0/27")})
    narrow = internet().model_copy(update={"networks": (internet().networks[0], chain)})
    for seed in SEEDS:
        drawn = draw(narrow, random.Random(str(seed)))  # noqa: S311 repeatable, not secret
        nets = [ip_interface(one.addresses[0]).network for one in drawn.interfaces[-15:]]
        of_links = [str(net) for net in nets if net.prefixlen == 30]
        assert set(map(of_links.count, of_links)) <= {1, 2}, seed


def test_a_network_without_room_is_named() -> None:
    """More links than subnets is an error that names the network, not an endless search."""
    chain = internet().networks[1].model_copy(update={"ipv4": ip_network("198.18.0.0/30")})
    narrow = internet().model_copy(update={"networks": (internet().networks[0], chain)})
    with pytest.raises(BadInput, match=r"198\.18\.0\.0/30 has no /30 left"):
        _ = [draw(narrow, random.Random(str(seed))) for seed in SEEDS]  # noqa: S311 repeatable


def test_the_names_have_their_addresses() -> None:
    """dns.google is 8.8.8.8; drawn addresses are global and end in neither 0 nor 255."""
    for seed in SEEDS:
        names = blueprint(seed).names
        assert names["dns.google"] == ("8.8.8.8", "2001:4860:4860::8888")
        drawn = [a for name in ("ocw.cs.pub.ro", "ro.pool.ntp.org") for a in names[name]]
        assert len(set(drawn)) == 5
        for one in filter(lambda a: ":" not in a, drawn):
            assert ip_address(one) in ip_network("203.0.0.0/10", strict=False)
            assert int(one.rpartition(".")[2]) not in {0, 255}


def test_the_experiments_cable_is_as_on_the_page() -> None:
    """It joins 10.99.0.1 and 10.99.0.2 and alone keeps its offloads; no LAN takes its subnet."""
    found = blueprint(1)
    here, there = found.interface("student", "veth-host"), found.interface("iperf3", "veth-ns")
    assert (here.address(4), there.address(4)) == ("10.99.0.1", "10.99.0.2")
    kept = [link["ends"] for link in found.plan(1)["links"] if link["offload"]]
    assert kept == [[[end.host, end.name, end.mac] for end in (here, there)]]
    assert ip_network("10.99.0.0/24") in found.subnets


def test_an_office_has_what_its_task_needs() -> None:
    """Two or more silent hosts of different kinds, two that answer, a slow and a hidden one."""
    for seed in SEEDS:
        hosts = list(drawn("office", seed).hosts)
        kinds = {re.sub(r"\d+$", "", name) for name in hosts}
        assert {"gateway", "desk", "slow", "silent_sysctl", "silent_echo", "hidden"} <= kinds
    every = {name for seed in SEEDS for name in drawn("office", seed).hosts}
    assert {"silent_rate1", "silent_icmp2", "desk5"} <= every


def test_two_lans_of_one_host() -> None:
    """eth0 and eth1 are on two subnets, and the way out is the first one's gateway."""
    for seed in SEEDS:
        found = drawn("two_offices", seed)
        first, second = found.interface("student", "eth0"), found.interface("student", "eth1")
        assert ip_interface(first.addresses[0]).network != ip_interface(second.addresses[0]).network
        ways = [via for host, to, via in found.routes if (host, to) == ("student", "0.0.0.0/0")]
        assert ways == [found.interface("gateway").address(4)]
        assert found.other_end(second).host == "lan2"


def test_macs_begin_as_the_vendors_do() -> None:
    """A LAN with vendors has addresses of several of them, and no others."""
    vendors = Topology.load(OFFICES / "office.yaml").networks[0].vendors
    for seed in SEEDS:
        lan = [one.mac for one in drawn("office", seed).interfaces if one.name == "eth0"]
        assert all(mac.startswith(vendors) for mac in lan)
        assert len({mac[:8] for mac in lan}) > 2


def test_an_interface_without_a_cable_is_named() -> None:
    """Loopback has no other end."""
    with pytest.raises(LookupError, match="internet:lo has no cable"):
        blueprint(1).other_end(blueprint(1).interface("internet", "lo"))


@pytest.mark.parametrize("name", ["internet", "office", "two_offices"])
def test_interface_names_fit(name: str) -> None:
    """No interface's name is longer than Linux allows, or stands twice on a host."""
    for seed in SEEDS:
        ends = [end for link in drawn(name, seed).links for end in link]
        assert max(len(end.name) for end in ends) <= 15
        assert len({(end.host, end.name) for end in ends}) == len(ends)
