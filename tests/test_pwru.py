"""What pwru printed is read in every form that its versions have, and whatever stands around it."""

from __future__ import annotations

import random

import pytest

from grader.evidence import SkbEvent, read_trace

SKB = "0xffff8c8f4a51e600"
TUPLE = "192.168.1.7:41222->8.8.8.8:53(udp)"
META = "4026531840 0          wlp0s20f3:2    0x0800 1500  84   "
NO_DEVICE = "0          0               0         0x0000 0     84   "
FORMS = {
    "bare": f"{SKB} 3   /usr/bin/dig:379 ip_output",
    "with times": f"{SKB} 3   /usr/bin/dig:379 4711             ip_output",
    "with meta data": f"{SKB} 3   /usr/bin/dig:379 4711             {META} ip_output",
    "with all": f"{SKB} 3   /usr/bin/dig:379 4711             {META} {TUPLE} ip_output",
    "before it has a device": f"{SKB} 3   <empty>:0        4711             {NO_DEVICE} ip_output",
    "without times": f"{SKB} 3   ~bin/dig:1234567 {NO_DEVICE} {TUPLE} ip_output",
    "with the caller": f"{SKB} 3   dig:379          4711 {META} {TUPLE} ip_output   ip_local_out",
    "with a module": f"{SKB} 3   dig:379          4711 {META} {TUPLE} ip_output[ip] x[y]",
    "with a tunnel": f"{SKB} 3   dig:379          4711 {META} ip_output 1.2.3.4:1->1.2.3.5:2(udp)",
    "with skb->cb": f"{SKB} 3 dig:379 4711 {META} [0x00000000,0x0000000F] {TUPLE} ip_output",
    "with names": f"{SKB} 3 dig:379 4711 {META}   my-netns   {TUPLE} ip_output",
    "of a process with a blank": f"{SKB} 3   ~e/My Dig:379    4711 {META} {TUPLE} ip_output",
    "with the time of day": f"2025-11-12T10:14:07.123 {SKB} 3 dig:379 4711 {META} ip_output",
    "old": f"{SKB}      3            [dig]                ip_output             4711",
    "old with a number": f"{SKB}      3       [dig(379)]                ip_output             4711",
    "old with meta data": f"{SKB} 3 [<empty>] ip_output 4711 netns=4 mark=0x0 proto=8 {TUPLE}",
    "old without times": f"{SKB} 3 [<empty>(0)] ip_output {TUPLE}",
    "oldest, without CPU": f"{SKB}            [dig]                ip_output             4711",
    "coloured": f"\x1b[32m{SKB}\x1b[0m 3 dig:379 4711 \x1b[1;31mip_output\x1b[m",
    "of a kernel thread": f"{SKB} 3   :33  4711             {META} {TUPLE} ip_output",
    "with a line's number": f"    12  {SKB} 3   dig:379 4711 {META} {TUPLE} ip_output",
    "behind a progress bar": f"1 / 9 [->_] ? p/s\r{SKB} 3 dig:379 4711 ip_output",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read(form: str) -> None:
    """Skb, process, function, and time and ends if they were asked for."""
    trace = read_trace(FORMS[form])
    [event] = trace.events
    assert (event.skb, event.function) == (SKB, "ip_output")
    assert event.process
    assert event.stamp == (4711 if "4711" in FORMS[form] else None)
    assert event.dst == ("8.8.8.8:53" if TUPLE in FORMS[form] else event.dst)
    assert trace.unread == ()


REASONS = {
    "kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP)": "SKB_DROP_REASON_NETFILTER_DROP",
    "sk_skb_reason_drop(SKB_DROP_REASON_NO_SOCKET)": "SKB_DROP_REASON_NO_SOCKET",
    "kfree_skb_reason (8)": "8",
    "kfree_skb": "",
}


@pytest.mark.parametrize("shown", REASONS)
def test_reasons_are_read(shown: str) -> None:
    """A drop's reason, by name or number, in both formats."""
    new = read_trace(f"{SKB} 3 dig:379 4711 {META} {TUPLE} {shown}").events[0]
    old = read_trace(f"{SKB} 3 [dig] {shown} 4711").events[0]
    assert new.function == old.function == shown.partition("(")[0].strip()
    assert new.reason == old.reason == REASONS[shown]
    assert new.stamp == old.stamp == 4711


def test_what_stands_around_is_left_out() -> None:
    """Headers, notices, prompts, stacks and dumps are no events."""
    text = f"""$ sudo pwru --timestamp relative 'host 8.8.8.8'
2025/11/12 10:13:58 Listening for events..
SKB                CPU PROCESS          TIMESTAMP        FUNC
{FORMS["with times"]}
ip_output
udp_sendmsg
(struct sk_buff){{
 .len = (unsigned int)84,
}}
^C2025/11/12 10:14:20 Received signal, exiting program..
"""
    trace = read_trace(text)
    assert [event.number for event in trace.events] == [4]
    assert not trace.unread


@pytest.mark.parametrize("width", [60, 80, 100, 120, 150])
def test_broken_lines_are_joined(width: int) -> None:
    """Lines that a terminal broke at its width, even within a word, are read as they were."""
    names = ["ip_send_skb", "__ip_local_out", "ip_output", "ip_finish_output", "__dev_queue_xmit"]
    lines = [f"{SKB} 3   /usr/bin/dig:379 {n:<16} {META} {TUPLE} {f}" for n, f in enumerate(names)]
    broken = [line[i : i + width] for line in lines for i in range(0, len(line), width)]
    events = read_trace("\n".join(broken)).events
    assert [(event.stamp, event.function) for event in events] == list(enumerate(names))


def test_a_line_cut_off_is_told() -> None:
    """What begins like an event and has no function is counted, not read."""
    trace = read_trace(f"{FORMS['bare']}\n{SKB} 3   /usr/bin/dig:379 \n")
    assert len(trace.events) == 1
    assert trace.unread == (2,)


def test_events_by_address() -> None:
    """Events of packets that are traced at once are told apart by the skb."""
    other = FORMS["bare"].replace("e600", "e700")
    flows = read_trace("\n".join([FORMS["bare"], other, FORMS["with all"]])).flows
    assert [[event.number for event in flow] for flow in flows] == [[1, 3], [2]]


def test_anything_is_read() -> None:
    """Whatever a file holds, reading it ends, and soon."""
    rng = random.Random(7)  # noqa: S311 repeatable, not secret
    pieces = [*FORMS.values(), *REASONS, *"\n\x1b\0[]:( ", "\x1b[", "0x", "->"]
    for _ in range(300):
        text = "".join(rng.choice(pieces)[rng.randrange(4) :] for _ in range(rng.randrange(60)))
        for event in read_trace(text).events:
            assert isinstance(event, SkbEvent)
            assert event.function
    read_trace(f"{SKB} " + "1 " * 100_000)
    read_trace(f"{SKB} 3 " + "a:" * 100_000)
    read_trace(f"{SKB} 3 [" + "]" * 100_000)
    read_trace("0x" * 100_000)
