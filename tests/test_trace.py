"""bpftrace scripts at work on a kernel of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.errors import CheckFailed
from grader.evidence import Bpftrace
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grader.image import Image
    from grader.machine.microvm import MicroVM

# The demonstration on the lab's page, word for word.
DEMO = b"""#!/usr/bin/bpftrace

BEGIN
{
    printf("Tracing nf_hook_slow... Ctrl+C to stop.\\n\\n");
}

/* fentry fires at the entry of the kernel function.
 * Faster and lower-overhead than kprobe.
 * 'comm' is a bpftrace built-in: the name of the current process. */
fentry:nf_hook_slow
{
    @invocations_by_process[comm]++;
}

/* Print and reset every 3 seconds */
interval:s:3
{
    printf("-- %s --\\n", strftime("%H:%M:%S", nsecs));
    print(@invocations_by_process);
    printf("\\n");
    clear(@invocations_by_process);
}

END
{
    printf("Done.\\n");
}
"""


@pytest.fixture(scope="module")
def vm(new_microvm: Callable[[], MicroVM]) -> Iterator[MicroVM]:
    """A kernel of the tests' own."""
    with new_microvm() as running:
        yield running


@pytest.fixture
def demo(vm: MicroVM, image: Image, internet: Path) -> Iterator[Bpftrace]:
    """The demonstration, after iperf3 has sent through the student's OUTPUT."""
    world = World(
        vm,
        Topology.load(internet),
        seed="demo",
        **image.server(),
    )
    with world, Bpftrace(vm, "demo.bt", DEMO) as trace:
        assert world.student.run("iptables", "-P", "OUTPUT", "ACCEPT").exit == 0
        trace.attached(60)
        for _ in range(2):
            done = world.student.run("iperf3", "-c", "10.99.0.2", "-t", "2", timeout=30)
            assert done.exit == 0, done.output
        yield trace


def test_the_pages_demonstration(demo: Bpftrace) -> None:
    """The page's script runs as it stands there: it counts calls by process and ends cleanly."""
    events = demo.interrupt(10)
    texts = "".join(event.text for event in events)
    counts = [one for event in events for one in event.maps.values() if isinstance(one, dict)]
    assert texts.startswith("Tracing nf_hook_slow... Ctrl+C to stop.\n\n")
    assert texts.endswith("Done.\n")
    assert sum(one.get("iperf3", 0) for one in counts) > 10


def test_a_script_that_cannot_attach_is_explained(vm: MicroVM) -> None:
    """The student reads bpftrace's own words, with the script's line and without our paths."""
    script = (
        b"kprobe:nf_hook_slow { @start[tid] = nsecs; }\nkretprobe:nf_hook_slow { @x = avg(; }\n"
    )
    with Bpftrace(vm, "wrong.bt", script) as trace:
        with pytest.raises(CheckFailed, match=r"wrong\.bt:2:.*syntax error") as raised:
            trace.attached(60)
        assert "/run/netlab" not in raised.value.message


@pytest.mark.parametrize(
    "code",
    [
        'BEGIN { system("touch /tmp/run"); }',
        'kprobe:nf_hook_slow { signal("KILL"); }',
        "kprobe:should_failslab { override(1); }",
    ],
)
def test_unsafe_calls_are_refused(vm: MicroVM, code: str) -> None:
    """A script can trace and no more: bpftrace is never told --unsafe, not by its first line."""
    script = f"#!/usr/bin/bpftrace --unsafe\n{code}\n".encode()
    with Bpftrace(vm, "unsafe.bt", script) as trace, pytest.raises(CheckFailed, match="unsafe"):
        trace.attached(60)
    assert vm.run("test", "-e", "/tmp/run", timeout=10).exit != 0
