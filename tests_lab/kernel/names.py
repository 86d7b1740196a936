"""Names of kernel functions on and off the way of an outgoing UDP query, beside kernel_path.py's.

Other kernels' functions for the same steps, those of queues, drivers and modules by the look of
their names, and those of other ways; and how names are found in what a student wrote.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tests_lab.kernel.path import POSITION, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Above udp_sendmsg, outermost first: arch/x86/entry/entry_64.S, net/socket.c, net/ipv4/af_inet.c.
# __sock_sendmsg is new in 6.6 ("net: prevent rewrite of msg_name in sock_sendmsg()").
OUTER = (
    *("sendto", "sendmsg", "sendmmsg", "write", "send", "libc_sendto", "__libc_sendmsg"),
    *("entry_SYSCALL_64", "entry_SYSCALL_64_after_hwframe", "el0t_64_sync"),
    *("el0t_64_sync_handler", "el0_svc", "el0_svc_common"),
    *("do_syscall_64", "do_el0_svc", "invoke_syscall", "x64_sys_call"),
    *("__x64_sys_sendto", "__x64_sys_sendmsg", "__x64_sys_sendmmsg", "__x64_sys_write"),
    *("__arm64_sys_sendto", "__arm64_sys_sendmsg", "sys_sendto", "sys_sendmsg", "sys_sendmmsg"),
    *("__se_sys_sendto", "__do_sys_sendto"),
    *("__sys_sendto", "__sys_sendmmsg", "__sys_sendmsg", "___sys_sendmsg", "____sys_sendmsg"),
    *("ksys_write", "vfs_write", "new_sync_write", "sock_write_iter"),
    *("sock_sendmsg", "__sock_sendmsg", "security_socket_sendmsg", "sock_sendmsg_nosec"),
    *("inet_send_prepare", "inet_autobind", "inet_sendmsg", "inet6_sendmsg", "udpv6_sendmsg"),
)
# Functions that some kernels have and others have inlined or named otherwise, by the step of PATH
# that they are part of: net/ipv4/udp.c, route.c, ip_output.c, include/linux/netfilter.h,
# include/net/dst.h, include/net/neighbour.h, net/core/dev.c, net/sched/sch_generic.c. ip*table_*
# hooks are gone since 5.16 ("netfilter: iptables: allow use of ipt_do_table as hookfn").
PARTS = {
    "sendmsg": (
        *("ip_route_output_flow", "ip_route_output_key", "ip_route_output_key_hash"),
        *("ip_route_output_key_hash_rcu", "__ip_route_output_key", "fib_lookup"),
        *("fib_table_lookup", "xfrm_lookup_route", "security_sk_classify_flow"),
    ),
    "make": ("ip_setup_cork", "ip_cork_release"),
    "append": (
        *("sock_alloc_send_pskb", "sock_alloc_send_skb", "sock_wmalloc", "alloc_skb_with_frags"),
        *("__alloc_skb", "alloc_skb", "__build_skb_around", "skb_put", "skb_set_owner_w"),
        *("ip_generic_getfrag", "udplite_getfrag", "copy_from_iter", "_copy_from_iter"),
    ),
    "header": ("ip_select_ident", "ip_select_ident_segs", "__ip_select_ident", "ip_copy_addrs"),
    "checksum": ("udp_set_csum", "udp_csum"),
    "prepare_out": ("ip_send_check", "ip_fast_csum"),
    "LOCAL_OUT": (
        *("nf_hook", "nf_hook_entry_hookfn", "nf_hook_thresh", "iptable_filter_hook"),
        *("iptable_mangle_hook", "iptable_raw_hook", "iptable_security_hook", "ipt_do_table"),
        *("ipt_local_out_hook", "ipt_mangle_out", "iptable_nat_do_chain", "ipv4_conntrack_local"),
        *("nft_do_chain", "nft_do_chain_ipv4", "nft_do_chain_inet", "nft_nat_do_chain"),
        *("nf_nat_ipv4_local_fn", "nf_conntrack_in", "selinux_ip_output", "selinux_ipv4_output"),
    ),
    "prepare_done": ("dst_output", "dst_output_okfn"),
    "output": ("NF_HOOK_COND", "nf_hook_state_init"),
    "POST_ROUTING": (
        *("nf_nat_ipv4_out", "nf_nat_ipv4_fn", "nf_conntrack_confirm", "nf_confirm"),
        *("ipv4_confirm", "__nf_conntrack_confirm", "apparmor_ip_postroute"),
        *("selinux_ip_postroute", "selinux_ipv4_postroute", "nf_conntrack_helper"),
    ),
    "finish": ("__cgroup_bpf_run_filter_skb",),
    "fragment": ("ip_finish_output_gso", "ip_fragment", "ip_do_fragment", "ip_skb_dst_mtu"),
    "finish2": ("lwtunnel_xmit", "ip_neigh_for_gw", "ip_neigh_gw4", "__ipv4_neigh_lookup_noref"),
    "neighbour": ("neigh_output", "neigh_hh_output", "neigh_event_send", "__neigh_event_send"),
}
# The device layer down to the driver, apart from PATH; net/core/dev.c, net/sched/.
QUEUES = (
    *("__dev_xmit_skb", "__netdev_pick_tx", "netdev_pick_tx", "skb_tx_hash", "__skb_tx_hash"),
    *("dev_qdisc_enqueue", "qdisc_enqueue", "qdisc_run", "__qdisc_run", "qdisc_restart"),
    *("qdisc_run_begin", "qdisc_run_end", "dequeue_skb", "net_tx_action", "__netif_schedule"),
    *("qdisc_pkt_len_init", "try_bulk_dequeue_skb", "qdisc_bstats_update", "sch_handle_egress"),
    *("tcf_classify", "tcx_run", "dev_queue_xmit_accel", "noqueue_enqueue"),
    *("get_xps_queue", "__get_xps_queue_idx", "sk_tx_queue_get", "netdev_cap_txqueue"),
    *("dev_pick_tx_zero", "dev_pick_tx_cpu_id"),
)
# Queueing disciplines', and what drivers choose a queue by (ndo_select_queue): igb_select_queue, …
QUEUE = re.compile(
    r"\w+_(enqueue|dequeue|enqueue_tail|dequeue_head|change_class|select_queue)(_\w+)?\Z|qdisc_\w"
)
# Modules that look at what is queued: net/sched/cls_*.c, act_*.c, em_*.c.
CLASSIFIES = re.compile(r"(?:cls|act|em|tcf|tc)_\w")
NO_QUEUE = frozenset({"sch_handle_egress", "tcf_classify", "tcx_run", "qdisc_pkt_len_init"})
LEAVES = ("xmit_one", "netdev_start_xmit", "__netdev_start_xmit", "ndo_start_xmit")
# Between the device layer and the driver the packet is made fit, not queued.
FITTING = re.compile(r"validate_xmit|netif_skb_features|skb_|passthru_|dev_queue_xmit_nit")
SENDS = re.compile(r"(?:\w*_)?(?:start_)?(?:xmit|tx|transmit)(?:_\w+)?\Z|\w*_xmit\w*\Z")
NOT_DRIVERS = re.compile(
    r"(?:__)?(?:arp|tcp|udp|dev|ip6?|neigh|netdev|skb|net)_|sch_|validate_|loopback_|\w*tunnel_xmit"
)
# Before a packet is there, a route is looked for, and rights are.
NOT_BUILDING = re.compile(
    r"(?:inet|sock_sendmsg|security|selinux|apparmor)|\w*(?:route|fib|xfrm|dst)"
)
# What many functions call at many places: its place proves nothing.
HELPER = re.compile(r"_*(?:skb|netif|kmem|kmalloc|kfree_skbmem|mem|rcu|security|passthru|sock_w)")
# Modules that put themselves into netfilter's hooks.
HOOKED = re.compile(r"(?:nf|nft|xt|ipt|iptable|ip_vs|selinux|smack|apparmor|security|bpf|ct|ebt)_")


class Family(NamedTuple):
    """Functions of another way: how they are recognised, and what they are."""

    names: re.Pattern[str]
    what: str


ARRIVING, FORWARDED = "the way of packets that arrive", "the way of packets that are forwarded"
BEHIND_PAIRS = (ARRIVING, FORWARDED)
FAMILIES = (
    Family(
        re.compile(
            r"ip_(?:rcv|list_rcv|sublist_rcv|local_deliver|protocol_deliver)|_*netif_receive_skb|"
            r"_*netif_rx|napi_(?!consume_skb|skb_cache)|__napi_(?!kfree)|net_rx_action|process_backlog|eth_type_trans|"
            r"enqueue_to_backlog|_*dev_forward_skb|_*udp(?:4|_v4|_lib)?_(?:lib_|queue_|unicast_)*rcv|"
            r"_*udp\w*(?:recvmsg|recv_udp)|_*skb_(?:recv|consume)_udp|inet_recvmsg|sock_recvmsg|"
            r"sock_def_readable|__sock_queue_rcv|sock_queue_rcv|nf_ip_pre_routing|ip_route_input|"
            r"__udp4_lib_rcv|udp_rcv"
        ),
        ARRIVING,
    ),
    Family(re.compile(r"ip_forward|ip_mr_|ip_error"), FORWARDED),
    Family(re.compile(r"_*tcp_(?!bpf_)|_*inet_csk_|_*tcp4_|_*mptcp_|ip_queue_xmit|__ip_queue_xmit"),
           "TCP, while the query is UDP"),
    Family(re.compile(r"_*ip6_|_*ipv6_|_*udp_?v6_(?!sendmsg)|_*ip6t_|_*ndisc_|_*icmpv6"),
           "IPv6, while 8.8.8.8 is IPv4"),
    Family(re.compile(r"_*icmp_|raw_send|packet_send|packet_snd|tpacket_snd|ping_v4_|_*unix_"),
           "another kind of socket or protocol"),
    Family(re.compile(r"loopback_xmit"),
           "the loopback device, by which a query to 8.8.8.8 does not leave"),
)  # fmt: skip
# A pair of virtual devices hands a packet on to its other end's receive path at once.
PAIRS = ("veth_xmit", "tun_net_xmit", "netkit_xmit", "ipvlan_start_xmit", "macvlan_start_xmit")
TUNNELS = re.compile(r"wg_|ip_?tunnel_xmit|udp_tunnel_xmit|vxlan_")


def part_of(function: str) -> str:
    """The step of PATH that a function is part of in some kernel; empty if none is known."""
    return next((key for key, names in PARTS.items() if function in names), "")


def is_queue(function: str) -> bool:
    """Whether it is a function of the queueing of packets."""
    return function in QUEUES or bool(QUEUE.match(function))


def is_driver(function: str) -> bool:
    """Whether it looks like a driver's function that sends, as veth_xmit or iwl_mvm_tx_skb."""
    known = function in POSITION or function in QUEUES or part_of(function) or family(function)
    return not known and not NOT_DRIVERS.match(function) and bool(SENDS.match(function))


def family(function: str) -> str:
    """What a function is of, if that is another way than an outgoing UDP query's."""
    return next((one.what for one in FAMILIES if one.names.match(function)), "")


def strangers(listed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The functions that are of another way, and of which.

    Behind a pair of devices, such as a container's, the host takes the packet in and forwards it.
    """
    paired = False
    for name in listed:
        what = family(name)
        if what and not (paired and what in BEHIND_PAIRS):
            yield name, what
        paired |= name in PAIRS


IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z]+(?:\.\d+)?)*")
# Source files, addresses and offsets, modules, why it was dropped, owners: no functions.
SOURCE = re.compile(
    r"(?<![\w./-])[\w./-]+\.[ch]\b(?::\d+)?|\+?0x[0-9a-f]+(?:/0x[0-9a-f]+)?|"
    r"\[[^\[\]]*\]|SKB_DROP_REASON_\w+|(?<!\w)\w+['\u2019]s\b"
)
ASIDE = re.compile(r"\([^()]*\)")
ARROWS = re.compile(r"-+>|=+>|→|⇒|➜|>|,|;|\n")
# Structures and queueing disciplines, which stand beside functions' names.
NO_FUNCTIONS = frozenset({"sk_buff", "net_device", "netdev_ops", "fq_codel", "pfifo_fast"})
LONGEST = 100
HOOK_NAME = re.compile(r"(?:NF_(?:INET|IP)_)?(?:LOCAL_OUT|POST_ROUTING|OUTPUT|POSTROUTING)\Z")


def functions_in(text: str) -> list[str]:
    """The functions that a text names: words with _, or if there are none, all; without asides."""
    bare = SOURCE.sub(" ", ASIDE.sub(" ", text))
    words = [plain(one)[:LONGEST] for one in IDENTIFIER.findall(bare) or IDENTIFIER.findall(text)]
    joined = [one for one in words if "_" in one and one not in NO_FUNCTIONS]
    names = [one for one in joined if not one.isupper() or one in {"NF_HOOK", "NF_HOOK_COND"}]
    return list(dict.fromkeys(names or joined or words))


def steps_in(text: str) -> list[str]:
    """The functions of a path: the first of each line, or between arrows or commas.

    What is no function's name, such as `dig` or `the card`, or a hook's in capitals, is let be.
    """
    entries = (functions_in(part) for part in ARROWS.split(ASIDE.sub(" ", text)))
    firsts = [names[0] for names in entries if names]
    return [one for one in firsts if ("_" in one and not HOOK_NAME.match(one)) or one in OUTER]
