"""Hosts that differ in what they answer: firewalls, sysctls, late replies, a suppressed ARP."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from grader.errors import GraderError
from grader.evidence import ask
from grader.machine.agent.echo import reply_to
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine

OFFICE = Path(__file__).resolve().parents[1] / "fixtures" / "topologies" / "office.yaml"
OWN = "10.1.2.3"
LATE = 0.15


def office(**changes: object) -> Topology:
    """The office with at least one host of each kind; `changes` are of its host desk."""
    found = Topology.load(OFFICE)
    hosts = {
        name: spec if spec.count == (1, 1) else spec.model_copy(update={"count": (2, 2)})
        for name, spec in found.hosts.items()
    }
    hosts["desk"] = hosts["desk"].model_copy(update=changes)
    return found.model_copy(update={"hosts": hosts})


@pytest.fixture(scope="module")
def world(machine: Machine, image: Image) -> Iterator[World]:
    """An office with hosts of all kinds."""
    with World(machine, office(), seed="office", **image.server()) as running:
        yield running


def test_hosts_answer_what_their_names_say(world: World) -> None:
    """All but the hidden answer ARP; all but the silent answer echo, the slow one 150 ms later."""
    here = [one for one in world.blueprint.interfaces if one.name == "eth0"]
    expected = {
        one: (not one.host.startswith("hidden"), not one.host.startswith("silent"))
        for one in here
        if one.host != "student"
    }
    answers = ask(world, world.student.interface(), expected)
    assert {one.host: answers[one].kinds for one in expected} == {
        one.host: kinds for one, kinds in expected.items()
    }
    late = {one.host: found.echo_s for one, found in answers.items() if (found.echo_s or 0) > LATE}
    assert set(late) >= {"slow"}
    assert world.sandbox.run("ip", "neigh", timeout=5).output == ""


def test_a_silent_host_does_not_answer_the_students_ping(world: World) -> None:
    """Not the first time and not later, when a rate limit would let one through."""
    silent = [world.host(name).interface().address(4) for name in world.hosts_called("silent")]
    assert len(silent) == 8
    done = world.sandbox.run("fping", "-q", "-c3", "-p200", "-t300", *silent, timeout=20)
    assert done.complaints.count("xmt/rcv/%loss = 3/0/100%") == 8, done.complaints


def test_a_late_answer_is_an_answer_like_any(world: World) -> None:
    """A ping of any size finds the reply right, and not before its time."""
    address = world.host("slow").interface().address(4)
    for size in ("0", "1", "1400", "4001"):
        done = world.sandbox.run("ping", "-n", "-c1", "-s", size, address, timeout=15)
        assert done.exit == 0, done.output + done.complaints
        assert "wrong" not in done.output
    assert float(done.output.rpartition("= ")[2].split("/")[0]) >= LATE * 1000


def test_a_reply_is_made_of_the_request() -> None:
    """Id, sequence number and payload come back, with addresses exchanged and a right checksum."""
    request = IP(src="10.1.2.9", dst=OWN) / ICMP(id=7, seq=9) / b"odd"
    answer = reply_to(bytes(request), {bytes([10, 1, 2, 3])})
    assert answer is not None
    assert (answer.source, answer.destination) == (bytes([10, 1, 2, 3]), bytes([10, 1, 2, 9]))
    assert answer.message == bytes(ICMP(type=0, id=7, seq=9) / b"odd")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45" * 20,
        bytes(IP(src="10.1.2.9", dst="10.1.2.255") / ICMP()),
        bytes(IP(src="10.1.2.9", dst=OWN) / ICMP(type=13)),
        bytes(IP(src="10.1.2.9", dst=OWN) / UDP()),
        struct.pack("B", 0x4F) + bytes(IP(src="10.1.2.9", dst=OWN) / ICMP())[1:28],
    ],
    ids=["empty", "no header", "broadcast", "timestamp", "udp", "options beyond its end"],
)
def test_what_is_no_request_has_no_reply(packet: bytes) -> None:
    """Broadcasts, other messages and what is too short are not answered."""
    assert reply_to(packet, {bytes([10, 1, 2, 3])}) is None


def test_a_firewall_that_is_none_is_named(machine: Machine, image: Image) -> None:
    """A ruleset that nft refuses is an error of ours that names the host."""
    made = World(machine, office(firewall="drop all"), seed="bad", **image.server())
    with pytest.raises(GraderError, match=r"desk1: firewall: nft exited with 1"), made:
        pass
