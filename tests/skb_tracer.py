"""A stand-in for pwru, which Debian does not have: traces queries' skbs in a microVM by bpftrace.

It probes the functions of the output path that take an skb, keeps those of packets to 8.8.8.8
port 53, and prints the columns that pwru 1.0 documents, with relative timestamps. With it
submissions/reference was made: `python -m tests.skb_tracer FOLDER`.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader import warm
from grader.errors import GraderError
from grader.evidence import Bpftrace
from grader.image import find
from grader.machine import microvm
from grader.machine.client import MachineError
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.image import Image
    from grader.machine.client import Machine

TOPOLOGY = Path(__file__).parents[1] / "fixtures/topologies/internet.yaml"
DROP = ("iptables", "-A", "OUTPUT", "-p", "udp", "-d", "8.8.8.8", "--dport", "53", "-j", "DROP")
# Functions by which of their arguments is the skb, and which the reason for a drop.
FUNCTIONS = {
    ("arg0", "-1"): (
        "udp4_hwcsum",
        "nf_hook_slow",
        "skb_push",
        "eth_header",
        "__dev_queue_xmit",
        "validate_xmit_skb",
        "netif_skb_features",
        "skb_network_protocol",
        "validate_xmit_xfrm",
        "dev_hard_start_xmit",
        "veth_xmit",
        "skb_clone_tx_timestamp",
        "netif_rx_internal",
        "ip_rcv",
        "consume_skb",
        "skb_release_head_state",
        "sock_wfree",
        "skb_release_data",
        "skb_free_head",
        "kfree_skbmem",
    ),
    ("arg1", "-1"): (
        "ip_send_skb",
        "neigh_resolve_output",
        "netdev_core_pick_tx",
        "__dev_forward_skb",
    ),
    ("arg2", "-1"): (
        "ip_local_out",
        "__ip_local_out",
        "ip_output",
        "ip_finish_output",
        "__ip_finish_output",
        "ip_finish_output2",
    ),
    ("arg1", "arg2"): ("sk_skb_reason_drop",),
    ("arg0", "arg1"): ("kfree_skb_reason",),  # until 6.10
}
# 0x08080808 is 8.8.8.8, 0x3500 port 53 in network order, 17 UDP.
PROBE = """
%(probes)s {
    $skb = (struct sk_buff *)%(skb)s;
    $ip = (struct iphdr *)($skb->head + $skb->network_header);
    if ($ip->protocol == 17 && $ip->daddr == 0x08080808) {
        $udp = (struct udphdr *)($skb->head + $skb->transport_header);
        if ($udp->dest == 0x3500) {
            $index = (int32)0; $mtu = (uint32)0; $netns = (uint32)0;
            if ($skb->dev) {
                $index = $skb->dev->ifindex; $mtu = $skb->dev->mtu;
                $netns = $skb->dev->nd_net.net->ns.inum;
            }
            if ($skb->sk) { $netns = $skb->sk->__sk_common.skc_net.net->ns.inum; }
            printf("%%lx %%d %%s %%d %%lu %%u %%x %%d %%x %%u %%u %%s %%u %%s %%d\\n",
                (uint64)$skb, cpu, comm, pid, nsecs, $netns, $skb->mark, $index,
                bswap($skb->protocol), $mtu, $skb->len, ntop(2, $ip->saddr),
                bswap($udp->source), func, %(reason)s);
        }
    }
}
"""
HEADER = (
    f"{'SKB':18} {'CPU':3} {'PROCESS':16} {'TIMESTAMP':16} {'NETNS':10} {'MARK/x':8} "
    f"{'IFACE':^16} {'PROTO':6} {'MTU':5} {'LEN':5} TUPLE FUNC"
)


COLUMNS = 15
ATTEMPTS = 3
REASON = re.compile(r"SKB_DROP_REASON_(\w+) = (\d+)")


def script(machine: Machine) -> str:
    """The bpftrace script for those of the functions that this kernel has."""
    lines = machine.run("cat", "/proc/kallsyms", timeout=30).output.splitlines()
    known = {line.split()[2] for line in lines}
    found = {
        about: ",\n".join(f"kprobe:{name}" for name in functions if name in known)
        for about, functions in FUNCTIONS.items()
    }
    return "".join(
        PROBE % {"probes": probes, "skb": skb, "reason": reason}
        for (skb, reason), probes in found.items()
        if probes
    )


def reasons(machine: Machine) -> dict[str, str]:
    """The names of the numbers of enum skb_drop_reason, as the kernel's own types have them."""
    done = machine.run("bpftrace", "-lv", "enum skb_drop_reason", timeout=60)
    return {number: f"SKB_DROP_REASON_{name}" for name, number in REASON.findall(done.output)}


def shown(records: Sequence[list[str]], interfaces: dict[str, str], names: dict[str, str]) -> str:
    """The records as pwru prints them: time since the same skb's record before, 0 for its first."""
    last: dict[str, int] = {}
    lines = [HEADER]
    for fields in records:
        skb, cpu, comm, pid, now, netns, mark, index, proto, mtu, length, *rest = fields
        source, port, function, reason = rest
        process = f"/usr/bin/{comm}:{pid}" if pid != "0" else "<empty>:0"
        process = process if len(process) <= 16 else f"~{process[-15:]}"
        interface = f"{interfaces[index]}:{index}" if index in interfaces else index
        name = names.get(reason, reason)
        lines.append(
            f"0x{skb:16} {cpu:3} {process:16} {int(now) - last.get(skb, int(now)):<16} "
            f"{netns:10} {mark:8} {interface:^16} 0x{proto:>04} {mtu:5} {length:5} "
            f"{source}:{port}->8.8.8.8:53(udp) {function}{'' if reason == '-1' else f'({name})'}"
        )
        last[skb] = int(now)
    return "\n".join(lines) + "\n"


def traces(machine: Machine, world: World) -> tuple[str, str]:
    """What pwru would print of a query that is answered, and of one that iptables drops.

    Probes are set once for both: each time they are, an emulated kernel may crash.
    """
    names = reasons(machine)
    link = world.student.run("ip", "-o", "link").output
    interfaces = dict(re.findall(r"^(\d+): ([^:@]+)", link, re.MULTILINE))
    with Bpftrace(machine, "skb.bt", script(machine).encode()) as trace:
        trace.attached(120)
        answered = ask(world)
        between = float(machine.run("cat", "/proc/uptime", timeout=5).output.split()[0]) * 1e9
        done = world.student.run(*DROP)
        dropped = ask(world)
        records = [event.text for event in trace.interrupt(30)]
    if not answered or dropped or done.exit != 0:
        raise GraderError(f"answered: {answered}; then: {dropped}; {done.complaints}")
    first, second = [], []
    for record in records:
        fields = record.split()
        if len(fields) == COLUMNS:
            (first if int(fields[4]) < between else second).append(fields)
    return shown(first, interfaces, names), shown(second, interfaces, names)


def ask(world: World) -> bool:
    """Have dig send a query; whether it was answered."""
    options = ("+short", "+tries=1", "+timeout=2")
    done = world.student.run("dig", *options, "fep.grid.pub.ro", "@8.8.8.8", timeout=30)
    return done.exit == 0 and bool(re.search(r"^[\d.]+$", done.output, re.MULTILINE))


def fresh(image: Image, seed: str) -> tuple[str, str]:
    """Both traces, made in a microVM; in another one if its kernel crashes under the probes."""
    for _ in range(ATTEMPTS - 1):
        with suppress(MachineError):
            return attempt(image, seed)
    return attempt(image, seed)


def attempt(image: Image, seed: str) -> tuple[str, str]:
    """Both traces, made in one microVM."""
    with (
        microvm.start(warm.source(image), warm.warm) as machine,
        World(machine, Topology.load(TOPOLOGY), seed=seed, **image.server()) as world,
    ):
        return traces(machine, world)


def main(folder: str) -> None:
    """Write pwru_pass.txt and pwru_drop.txt into `folder`."""
    image = find()
    if image is None:
        sys.exit("no image: grader image build")
    for name, text in zip(("pwru_pass.txt", "pwru_drop.txt"), fresh(image, "traces"), strict=True):
        Path(folder, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
