"""A packet's functions are cut, ordered and judged as kernels call them."""

from __future__ import annotations

import random

import pytest

from grader.evidence import read_trace
from tests_lab.kernel.path import HOOK, PATH, is_driver, plain
from tests_lab.pwru.walk import Walk, same_events, walks

SKB = "0xffff8c8f4a51e600"
OUT = "ip_send_skb __ip_local_out ip_output nf_hook_slow ip_finish_output ip_finish_output2"
DEVICE = "__dev_queue_xmit netdev_core_pick_tx sch_direct_xmit validate_xmit_skb"
LEAVES = f"{OUT} {DEVICE} dev_hard_start_xmit"
FREED = "skb_release_head_state skb_release_data kfree_skbmem"


def walked(functions: str, skb: str = SKB) -> list[Walk]:
    """The packets of a trace with these functions."""
    lines = [f"{skb} 0 dig:1 {number} {name}" for number, name in enumerate(functions.split())]
    return walks(read_trace("\n".join(lines)))


def test_every_step_is_named_once() -> None:
    """No function stands for two steps, but the hook."""
    names = [name for step in PATH for name in step.functions if name != HOOK]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "name",
    ["veth_xmit", "e1000_xmit_frame", "start_xmit", "ieee80211_subif_start_xmit", "br_dev_xmit"],
)
def test_drivers_are_known_by_their_names(name: str) -> None:
    """A function that sends is a driver's, whatever the driver."""
    assert is_driver(name)


@pytest.mark.parametrize(
    "name",
    [
        *("validate_xmit_skb", "validate_xmit_skb_list", "validate_xmit_xfrm", "sch_direct_xmit"),
        *("__dev_queue_xmit", "dev_queue_xmit", "__ip_queue_xmit", "neigh_xmit", "ip_output"),
    ],
)
def test_what_comes_before_is_no_driver(name: str) -> None:
    """The stack's own functions with xmit in their names come before a driver's."""
    assert not is_driver(name)


@pytest.mark.parametrize("shown", ["udp_send_skb.isra.0", "udp_send_skb[x]", "udp_send_skb+0x1c"])
def test_names_are_as_in_the_source(shown: str) -> None:
    """What compilers and tools add to a name is left out."""
    assert plain(shown) == "udp_send_skb"


def test_an_address_used_again_is_another_packet() -> None:
    """A packet ends where it is freed, or where another begins."""
    assert len(walked(f"{LEAVES} consume_skb {FREED} {LEAVES}")) == 2
    assert len(walked(f"{LEAVES} {LEAVES}")) == 2
    assert len(walked(f"{OUT} kfree_skb_reason {FREED} {OUT}")) == 2
    assert len(walked(f"ip_rcv ip_local_deliver skb_release_data {OUT}")) == 2


@pytest.mark.parametrize(
    "functions",
    [
        LEAVES,
        f"ip_send_skb ip_local_out __ip_local_out nf_hook_slow ip_output {DEVICE} veth_xmit",
        f"{OUT} neigh_resolve_output neigh_resolve_output eth_header {DEVICE} dev_hard_start_xmit",
        f"{OUT} __dev_queue_xmit dev_hard_start_xmit vlan_dev_hard_start_xmit {DEVICE} igb_xmit",
        f"{LEAVES} veth_xmit ip_rcv ip_forward ip_output ip_finish_output __ip_finish_output",
        f"{OUT} __dev_queue_xmit consume_skb",
        f"unknown_one {LEAVES} unknown_two skb_release_data",
        "ip_finish_output dev_hard_start_xmit",
    ],
)
def test_possible_orders(functions: str) -> None:
    """What some kernel does is in order, and reaches the driver."""
    [walk] = walked(functions)
    assert walk.disorder() is None
    assert walk.in_ip
    assert walk.left is not None


@pytest.mark.parametrize(
    "functions",
    [
        "ip_send_skb __ip_local_out dev_hard_start_xmit ip_output",
        "ip_finish_output ip_output dev_hard_start_xmit",
        "dev_hard_start_xmit ip_finish_output",
        "nf_hook_slow ip_send_skb ip_output dev_hard_start_xmit",
    ],
)
def test_impossible_orders(functions: str) -> None:
    """What no kernel does is out of order."""
    assert any(walk.disorder() for walk in walked(functions))


def test_orders_of_the_path_itself() -> None:
    """Any part of the path is in order; any two of its steps the other way round are not."""
    rng = random.Random(7)  # noqa: S311 repeatable, not secret
    names = [step.functions[0] for step in PATH if step.takes_skb and step.functions[0] != HOOK]
    for _ in range(200):
        some = sorted(rng.sample(names, rng.randint(2, len(names))), key=names.index)
        [walk] = walked(" ".join(some))
        assert walk.disorder() is None, some


def test_the_same_packet_in_two_traces() -> None:
    """Some events in a row with the same skb and times; zeros and single ones are chance."""
    first = f"{SKB} 0 dig:1 0 a\n{SKB} 0 dig:1 17 b\n{SKB} 0 dig:1 23 c\n{SKB} 0 dig:1 5 d\n"
    assert same_events(read_trace(first), read_trace(f"{SKB} 0 x:1 99 z\n{first}"))
    assert not same_events(read_trace(first), read_trace(first.replace("17", "18")))
    assert not same_events(read_trace(first), read_trace(first.replace("e600", "e700")))
    zeros = f"{SKB} 0 dig:1 0 a\n" * 5
    assert not same_events(read_trace(zeros), read_trace(zeros))
    none = f"{SKB} 0 dig:1 a\n" * 5
    assert not same_events(read_trace(none), read_trace(none))
