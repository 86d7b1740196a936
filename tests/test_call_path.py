"""03b: a path is judged by the traced one, whatever the kernel and however it is written."""

from __future__ import annotations

import time

import pytest

from grader.evidence import Recording
from grader.evidence.calltrace import Entered
from tests_lab.kernel.listed import Way
from tests_lab.kernel.names import functions_in, is_driver, steps_in, strangers

PASSED = """
udp_sendmsg ip_make_skb ip_setup_cork __ip_append_data sock_alloc_send_pskb __alloc_skb skb_put
__ip_make_skb udp_send_skb ip_send_skb __ip_local_out nf_hook_slow ipt_do_table ip_output
nf_hook_slow nft_do_chain ip_finish_output __ip_finish_output ip_finish_output2 __dev_queue_xmit
netdev_core_pick_tx sch_direct_xmit validate_xmit_skb_list validate_xmit_skb dev_hard_start_xmit
veth_xmit
"""
DROPPED = "udp_sendmsg ip_send_skb __ip_local_out nf_hook_slow sk_skb_reason_drop skb_release_data"


def recording(names: str) -> Recording:
    """A recording without returns."""
    return Recording([], [Entered(name, 0) for name in names.split()])


@pytest.fixture(scope="module")
def way() -> Way:
    """A path as it was traced once, on Linux 6.12."""
    return Way(recording(PASSED), recording(DROPPED), {"fib_table_lookup", "eth_header"})


def test_the_traced_path_is_in_order(way: Way) -> None:
    """What was traced is right, whole and in any selection."""
    names = PASSED.split()
    assert way.misplaced(names) is None
    assert way.misplaced(names[::3]) is None
    assert way.invented(names) is None
    assert not list(strangers(names))


@pytest.mark.parametrize("earlier", range(0, 12, 3))
def test_two_that_change_places_are_found(way: Way, earlier: int) -> None:
    """A function in another's place is out of order."""
    listed = ["udp_sendmsg", "ip_make_skb", "__ip_make_skb", "udp_send_skb", "ip_send_skb",
              "__ip_local_out", "ip_output", "ip_finish_output", "ip_finish_output2",
              "__dev_queue_xmit", "sch_direct_xmit", "dev_hard_start_xmit"]  # fmt: skip
    listed[earlier], listed[earlier + 1] = listed[earlier + 1], listed[earlier]
    assert way.misplaced(listed) is not None


@pytest.mark.parametrize(
    "listed",
    [
        "udp_sendmsg ip_send_skb ip_local_out __ip_local_out dst_output ip_output",
        "ip_finish_output2 neigh_hh_output dev_queue_xmit __dev_queue_xmit __dev_xmit_skb",
        "__dev_queue_xmit fq_codel_enqueue __qdisc_run fq_codel_dequeue dev_hard_start_xmit",
        "dev_hard_start_xmit xmit_one e1000_xmit_frame napi_consume_skb skb_release_data",
        "inet_sendmsg udp_sendmsg ip_route_output_flow fib_table_lookup ip_make_skb",
        "ip_output dev_hard_start_xmit bond_start_xmit dev_queue_xmit dev_hard_start_xmit",
    ],
)
def test_other_kernels_functions_have_their_place(way: Way, listed: str) -> None:
    """Inlined, renamed, and hardware's own functions stand where they belong."""
    assert way.misplaced(listed.split()) is None
    assert way.invented(listed.split()) is None


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        ("ip_output ip_local_out", "ip_local_out"),
        ("__dev_queue_xmit dev_queue_xmit", "dev_queue_xmit"),
        ("dev_hard_start_xmit fq_codel_enqueue", "fq_codel_enqueue"),
        ("e1000_xmit_frame ip_output", "ip_output"),
        ("nf_hook_slow nf_hook_slow udp_send_skb", "udp_send_skb"),
        ("udp_sendmsg inet_sendmsg", "inet_sendmsg"),
    ],
)
def test_their_wrong_places_are_found(way: Way, listed: str, wrong: str) -> None:
    """A function that the traced kernel lacks has a place all the same."""
    found = way.misplaced(listed.split())
    assert found is not None
    assert found.function == wrong


def test_what_is_traced_between_two_steps_moves_neither() -> None:
    """A step that the traced kernel has inlined comes before the next, whatever lies between."""
    traced = PASSED.replace(
        " __dev_queue_xmit", " neigh_resolve_output eth_header __dev_queue_xmit"
    )
    way = Way(recording(traced), recording(DROPPED), set())
    listed = "ip_finish_output2 neigh_resolve_output eth_header dev_queue_xmit __dev_queue_xmit"
    assert way.misplaced(listed.split()) is None
    assert way.misplaced(["__dev_queue_xmit", "dev_queue_xmit"]) is not None


def test_invented_names_are_told_from_a_students_hardware(way: Way) -> None:
    """A name that nobody knows is let be where a module may stand, and nowhere else."""
    assert way.invented(["ip_output", "ip_send_to_wire"]) == "ip_send_to_wire"
    assert way.invented(["dev_hard_start_xmit", "iwl_trans_txq_send_hcmd"]) is None
    assert way.invented(["__dev_queue_xmit", "cake_enqueue"]) is None
    assert way.invented(["cake_enqueue_it", "__dev_queue_xmit"]) == "cake_enqueue_it"
    assert way.nearest("nf_hook_slowly") == "nf_hook_slow"


def test_what_belongs_to_another_way_is_found() -> None:
    """Receiving, TCP and IPv6 are other ways; a pair of veth receives at once."""
    for name in ("ip_rcv", "tcp_sendmsg", "ip6_output", "netif_receive_skb", "ip_forward"):
        assert [one for one, _ in strangers(["ip_output", name])] == [name]
    assert not list(strangers(["dev_hard_start_xmit", "veth_xmit", "netif_rx", "ip_rcv"]))
    assert not list(strangers(["udpv6_sendmsg", "napi_consume_skb", "packet_rcv"]))


@pytest.mark.parametrize("name", ["start_xmit", "igb_xmit_frame", "iwl_mvm_tx_skb", "ath_tx"])
def test_drivers_are_known_by_their_names(name: str) -> None:
    """What sends is called xmit or tx, in all drivers."""
    assert is_driver(name)


@pytest.mark.parametrize("name", ["ip_output", "sch_direct_xmit", "tcp_transmit_skb", "arp_xmit"])
def test_other_senders_are_no_drivers(name: str) -> None:
    """IP, TCP, ARP and the queue send, too, but not by hardware."""
    assert not is_driver(name)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`ip_make_skb()` (net/ipv4/ip_output.c)", ["ip_make_skb"]),
        ("udp_sendmsg()/ip_make_skb()", ["udp_sendmsg", "ip_make_skb"]),
        ("udp_send_skb.isra.0+0x1a0/0x3e0 [kernel]", ["udp_send_skb"]),
        ("nf_hook_slow at NF_INET_LOCAL_OUT", ["nf_hook_slow"]),
        ("kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP)", ["kfree_skb_reason"]),
        ("dev->netdev_ops->ndo_start_xmit", ["ndo_start_xmit"]),
        ("nowhere", ["nowhere"]),
        ("", []),
        ("(…)", []),
    ],
)
def test_functions_are_found_in_a_text(text: str, names: list[str]) -> None:
    """Files, offsets, modules, hooks and asides are no functions."""
    assert functions_in(text) == names


@pytest.mark.parametrize(
    "part", ["a", "a.", "(", "[", "->", "0x", "_", "a_b ", "é\0", "+0x0/", "ip_"]
)
def test_no_text_takes_long(way: Way, part: str) -> None:
    """Whatever stands in an answer, as long as a file may be, is read in no time, and judged."""
    text = part * (256 * 1024 // len(part))
    started = time.monotonic()
    names = [*functions_in(text), *steps_in(text)][:400]
    way.misplaced(names)
    way.invented(names)
    assert all(len(name) <= 100 for name in names)
    assert time.monotonic() - started < 10


def test_a_path_is_read_in_many_forms() -> None:
    """Arrows, numbers, lines of pwru and words beside the names do no harm."""
    line = ("0xffff9f0c4b2c9a00 4 dig:12345 4026531840 0 eth0:2 0x0800 1500 68 "
            "10.0.2.15:40211->8.8.8.8:53(udp) ip_send_skb")  # fmt: skip
    assert steps_in(line) == ["ip_send_skb"]
    assert steps_in("dig -> udp_sendmsg → ip_output() => the card") == ["udp_sendmsg", "ip_output"]
    assert steps_in("LOCAL_OUT: nf_hook_slow (OUTPUT, iptables)") == ["nf_hook_slow"]
    assert steps_in("3. ip_output, then NF_INET_POST_ROUTING") == ["ip_output"]
