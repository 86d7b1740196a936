"""The way of an outgoing UDP query through Linux's IPv4 stack, step by step, in many kernels.

`PATH` is in calling order: what is called at all is called after everything above it, the first
time. Kernels from 5.5 to 6.17 leave steps out (inlined, or not needed: a link without a queue has
no sch_direct_xmit), add others, and suffix names that the compiler has changed (`.isra.0`); they
do not change the order. `LOCAL_OUT` and `POST_ROUTING` are both nf_hook_slow, which is called only
if a hook has something to do; so the first one that is seen can be either.

Sources: net/ipv4/udp.c (udp_sendmsg, udp_send_skb), net/ipv4/ip_output.c (ip_make_skb to
ip_finish_output2), include/net/neighbour.h (neigh_output), net/core/dev.c (__dev_queue_xmit to
dev_hard_start_xmit), net/sched/sch_generic.c (sch_direct_xmit), net/netfilter/core.c
(nf_hook_slow), net/core/skbuff.c (how a packet is freed). Where names changed, the step says when.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HOOK = "nf_hook_slow"
SUFFIX = re.compile(r"\.(isra|constprop|part|cold|llvm)\b.*")


@dataclass(frozen=True)
class Step:
    """One step: its key, what happens there, and all the functions that are it in some kernel.

    `takes_skb`: whether an sk_buff is among the first five arguments, so that pwru can show it.
    """

    key: str
    what: str
    functions: tuple[str, ...]
    takes_skb: bool = True


PATH: tuple[Step, ...] = (
    Step("sendmsg", "the socket's send call", ("inet_sendmsg", "udp_sendmsg"), takes_skb=False),
    Step("make", "the packet is built", ("ip_make_skb", "ip_append_data"), takes_skb=False),
    Step("append", "its bytes are copied in", ("__ip_append_data",), takes_skb=False),
    Step("header", "the IP header is written", ("__ip_make_skb",), takes_skb=False),
    Step("udp", "the UDP header is written", ("udp_send_skb", "udp_push_pending_frames")),
    Step("checksum", "the UDP checksum is prepared", ("udp4_hwcsum",)),
    Step("send", "UDP hands the packet to IP", ("ip_send_skb",)),
    Step("local_out", "IP's way out for packets of this host", ("ip_local_out",)),
    Step("prepare_out", "length and checksum are set", ("__ip_local_out",)),
    Step("LOCAL_OUT", "netfilter's hook NF_INET_LOCAL_OUT, chain OUTPUT", (HOOK,)),
    Step("output", "the route's output function", ("ip_output", "ip_mc_output")),
    Step("POST_ROUTING", "netfilter's hook NF_INET_POST_ROUTING, chain POSTROUTING", (HOOK,)),
    Step("finish", "cgroup programs, then on", ("ip_finish_output",)),
    # Since 5.3 a function of its own: "bpf: Update BPF_CGROUP_RUN_PROG_INET_EGRESS calls".
    Step("fragment", "fragments are made if need be", ("__ip_finish_output",)),
    Step("finish2", "the next hop's neighbour is found", ("ip_finish_output2",)),
    Step(
        "neighbour",
        "the link header is written, after ARP if need be",
        ("neigh_resolve_output", "neigh_connected_output", "neigh_direct_output"),
    ),
    # Inlined since 5.19: "net: inline dev_queue_xmit()".
    Step("device", "the packet is handed to the device layer", ("dev_queue_xmit",)),
    Step("queue", "the device layer takes it, to queue it", ("__dev_queue_xmit",)),
    # Named netdev_pick_tx before 5.2: "net: dev: rename queue selection helpers."
    Step("pick", "one of the device's queues is chosen", ("netdev_core_pick_tx",)),
    Step("schedule", "the queue's scheduler lets it go", ("sch_direct_xmit",)),
    Step("validate_list", "it is made fit for the device", ("validate_xmit_skb_list",)),
    Step("validate", "it is made fit for the device", ("validate_xmit_skb",)),
    Step("leave", "it is handed to the driver", ("dev_hard_start_xmit",)),
)

# How nf_hook_slow gets rid of what a rule drops: kfree_skb until 5.16, kfree_skb_reason from 5.17
# ("net: skb: introduce kfree_skb_reason()"; kfree_skb is inline since), sk_skb_reason_drop from
# 6.11 ("net: introduce sk_skb_reason_drop function"; kfree_skb_reason is inline since).
DROPS = ("kfree_skb", "kfree_skb_reason", "__kfree_skb_reason", "sk_skb_reason_drop")
# A packet that has done its work.
CONSUMES = (
    "consume_skb",
    "napi_consume_skb",
    "__dev_kfree_skb_any",
    "__dev_kfree_skb_irq",
    "dev_kfree_skb_any_reason",
    "dev_kfree_skb_irq_reason",
    "dev_consume_skb_any",
)
# What both of them call, and what they call: an skb's end.
REMAINS = (
    "__kfree_skb",
    "kfree_skb_partial",
    "skb_release_all",
    "skb_release_head_state",
    "skb_release_data",
    "skb_free_head",
    "skb_free_frag",
    "sock_wfree",
    "__sock_wfree",
    "kfree_skbmem",
    "kmem_cache_free",
)
# The drivers' functions that send (ndo_start_xmit): veth_xmit, e1000_xmit_frame, start_xmit of
# virtio_net, ieee80211_subif_start_xmit, netvsc_start_xmit, tun_net_xmit, rtl8169_start_xmit, …
DRIVER = re.compile(r"(?!(?:__)?(?:dev|ip6?|neigh)_|sch_|validate_)\w*xmit\w*\Z")
# Called with an outgoing query of this host only once it has been handed to a driver.
ARRIVALS = ("__dev_forward_skb", "netif_rx", "__netif_receive_skb", "ip_rcv", "ip_forward")

POSITION = {
    name: number for number, step in enumerate(PATH) for name in step.functions if name != HOOK
}
LEAVE = POSITION["dev_hard_start_xmit"]


def plain(function: str) -> str:
    """A function's name as its source has it: without the compiler's suffix, module or offset."""
    return SUFFIX.sub("", re.split(r"[\[(+\s]", function, maxsplit=1)[0])


def is_driver(function: str) -> bool:
    """Whether it is a driver's function that sends, or one that comes behind that."""
    return bool(DRIVER.match(function)) or function in ARRIVALS
