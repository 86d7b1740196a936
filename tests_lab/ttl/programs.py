"""01c: which packets a rule's BPF program takes, run by the kernel over samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scapy.layers.inet import ICMP, IP, TCP, UDP

from tests_lab.ttl.sent import DNS, SERVERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.evidence import Packet, Rule
    from grader.machine.client import Machine

PAGE = "man 8 iptables-extensions: bpf, TTL; man 8 nfbpf_compile"
DNS_HEADER = 12


def program_of(rule: Rule) -> list[list[int]]:
    """The BPF program in a rule; empty if it has none."""
    _, _, steps = (rule.option("--bytecode") or "").partition(",")
    return [[int(number) for number in step.split()] for step in steps.split(",") if step.strip()]


def taken(machine: Machine, rule: Rule, samples: Mapping[str, bytes]) -> set[str]:
    """Which of the samples the kernel says that a rule's program takes."""
    program = program_of(rule)
    if not program:
        return set()
    found = machine.call("filters.run", program=program, packets=[*samples.values()])
    return {what for what, takes in zip(samples, found, strict=True) if takes}


def takes_all(machine: Machine, rule: Rule, queries: Sequence[Packet]) -> bool:
    """Whether the rule's program takes any packet: what is like a query, but is none, too."""
    samples = {
        f"{what} {number}": sample
        for number, one in enumerate(queries)
        for what, sample in {"query": one.ip, **alike(one)}.items()
    }
    return bool(samples) and taken(machine, rule, samples) == samples.keys()


def alike(query: Packet) -> dict[str, bytes]:
    """Packets of a query's ends and payload that are no DNS queries."""
    ends = IP(src=query.src, dst=query.dst)
    uppers = {
        "UDP": UDP(sport=query.sport, dport=DNS + 1),
        "TCP": TCP(sport=query.sport, dport=80),
        "ICMP": ICMP(),
    }
    return {what: bytes(ends / upper / query.payload) for what, upper in uppers.items()}


def why_untouched(machine: Machine, rules: Sequence[Rule], sent: Packet) -> str:
    """Why no rule has changed a query's TTL, as far as its BPF programs show."""
    ends = IP(src=sent.src, dst=sent.dst)
    here = UDP(sport=sent.sport, dport=DNS)
    nearly = {
        "that query": sent.ip,
        "that query behind an Ethernet header; iptables hands a program the packet from the IP "
        "header on (RAW)": sent.frame,
        "UDP from port 53": bytes(ends / UDP(sport=DNS, dport=sent.sport) / sent.payload),
        "TCP to port 53": bytes(ends / TCP(sport=sent.sport, dport=DNS) / sent.payload),
        "a query to 8.8.8.8": bytes(IP(src=sent.src, dst=SERVERS[0]) / here / sent.payload),
        "a shorter one": bytes(ends / here / sent.payload[: DNS_HEADER + 5]),
        "a longer one": bytes(ends / here / (sent.payload + bytes(40))),
        "one from a higher port": bytes(ends / UDP(sport=50_000, dport=DNS) / sent.payload),
    }
    found = {what for rule in rules for what in taken(machine, rule, nearly)}
    if "that query" in found:
        return (
            "the BPF program takes that query: do packets that this host sends to the network "
            f"meet the rule, and all else that it asks for? {PAGE}"
        )
    if {"UDP from port 53", "TCP to port 53"} <= found:
        return (
            f"the BPF program takes all kinds of packets but that query: is a `not` wrong? {PAGE}"
        )
    instead = next((f", but {what}" for what in nearly if what in found), "")
    return f"the BPF program does not take that query{instead}; {PAGE}"
