"""What a microVM promises, each promise tried with the real thing: QEMU, the image, the agent."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import REFERENCE, REPO, environment, grade

from grader import warm
from grader.deadline import wait_until
from grader.errors import Unsupported
from grader.machine import client, microvm
from grader.machine.client import MachineError
from grader.machine.idmap import IdMap
from grader.machine.microvm import guest, qemu
from grader.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine

MIB = 1024 * 1024
TEMPLATES = Path("netlab-grader", "templates")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do that")
# Another process that needs the template, with little warming; it says what it does, then leaves,
# holds clones, or fails. Template making in `progress`'s words.
OTHER = """
import sys
from pathlib import Path
from grader import warm
from grader.errors import GraderError
from grader.image import find
from grader.machine import microvm
source = warm.source(find())
def say(line):
    print(line, flush=True)
try:
    template = microvm.ensure(
        source, lambda machine: machine.run("touch", "/run/warmed", timeout=60), progress=say
    )
except GraderError as error:
    say(f"{type(error).__name__}: {error}")
    say(str([path.name for path in template_folder.iterdir()]))
    sys.exit(3)
"""
OTHER = OTHER.replace("template_folder", "microvm.template.templates_folder()")
HOLDER = (
    OTHER + "clones = [microvm.clone(template) for _ in range(2)]\nsay('held')\nsys.stdin.read()"
)
MAKING = "starting the microVM's template"
READY = "the microVM's template is ready"
DAMAGED = "the microVM's template is damaged: making another"


def a_little(machine: Machine) -> None:
    """All the warming that these tests need."""
    machine.run("touch", "/run/warmed", timeout=60)


def other(code: str = OTHER, *before: str) -> subprocess.Popen[str]:
    """Start another process of this user."""
    return subprocess.Popen(
        [*before, sys.executable, "-P", "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=environment(), cwd=REPO,
    )  # fmt: skip


def qemus(owner: int) -> set[int]:
    """The QEMU processes that `owner` has started."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return {int(pid) for pid, parent, name in rows if int(parent) == owner and "qemu" in name}


def gone(pids: set[int]) -> None:
    """Wait until none of the processes is there."""
    wait_until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids),
        within=20,
        what=f"the end of {sorted(pids)}",
    )


def status(pid: int) -> dict[str, str]:
    """What /proc says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@dataclass(frozen=True)
class Made:
    """How the first template of this module came about."""

    stale: Path
    killed: Path
    left_by_killed: list[str]
    said: tuple[str, str]
    codes: tuple[int, int]


@pytest.fixture(scope="module")
def cache(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this module's own, with this user's images."""
    folder = tmp_path_factory.mktemp("cache")
    with_images(folder, image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder
        microvm.prune()


def with_images(folder: Path, image: Image) -> None:
    """Make `folder` a cache folder in which the images are links."""
    (folder / TEMPLATES).mkdir(parents=True)
    (folder / TEMPLATES).with_name("images").symlink_to(image.root.parents[1])


@pytest.fixture(scope="module")
def made(cache: Path) -> Made:
    """One process was killed while it made the template; then two others needed it at once."""
    folder = cache / TEMPLATES
    stale = folder / ("0" * 32)
    stale.mkdir()
    (stale / "memory").write_bytes(b"of a guest of another image")
    with other() as first:
        assert first.stdout is not None
        # Where KVM is of no use, the trial of it has ended by then, and its folder is gone.
        assert any(line.startswith("warming") for line in first.stdout)
        mine = qemus(first.pid)
        assert mine
        first.kill()
        first.communicate()
    gone(mine)
    left = [path.name for path in folder.iterdir() if path.name.startswith(".part-")]
    with other() as one, other() as two:
        said = one.communicate(timeout=200)[0], two.communicate(timeout=200)[0]
    return Made(stale, folder / left[0], left, said, (one.returncode, two.returncode))


@pytest.fixture(scope="module")
def template(made: Made, image: Image) -> microvm.Template:
    """The template that was made."""
    found = microvm.find(warm.source(image))
    assert found is not None, made.said
    return found


@pytest.fixture(scope="module")
def pair(template: microvm.Template) -> Iterator[tuple[microvm.MicroVM, microvm.MicroVM]]:
    """Two clones that run at the same time, for tests that leave them alive."""
    with microvm.clone(template) as one, microvm.clone(template) as two:
        yield one, two


@pytest.fixture
def vm(template: microvm.Template) -> Iterator[microvm.MicroVM]:
    """A clone for a test that may kill it."""
    with microvm.clone(template) as made:
        yield made


@pytest.fixture
def without_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has all programs but QEMU."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name != qemu.PROGRAM:
                with suppress(FileExistsError):  # the first one counts
                    (folder / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(folder))
    return folder


# --- the template ------------------------------------------------------------------------------


def test_one_makes_it_and_the_other_waits(made: Made) -> None:
    """Of two processes that need the template at once one makes it and the other uses it."""
    assert made.codes == (0, 0), made.said
    maker, waiter = sorted(made.said, key=lambda text: READY not in text)
    assert maker.endswith(f"{READY}\n")
    assert waiter == "waiting for another run to make the microVM's template\n"


def test_a_killed_maker_leaves_one_folder(made: Made) -> None:
    """SIGKILL of who makes the template ends QEMU; the next maker removes what was unfinished."""
    assert len(made.left_by_killed) == 1
    assert not made.killed.exists()


def test_a_stale_template_is_removed(made: Made, template: microvm.Template) -> None:
    """A template of other inputs is not taken, and goes when one of these is made."""
    assert not made.stale.exists()
    others = [path.name for path in template.folder.parent.iterdir()]
    assert sorted(others) == sorted([".lock", template.folder.name])


def test_it_says_how_it_runs(
    made: Made, template: microvm.Template, pair: tuple[microvm.MicroVM, microvm.MicroVM]
) -> None:
    """template.json names the accelerator that worked, and clones run with it."""
    facts = json.loads((template.folder / "template.json").read_text(encoding="utf-8"))
    assert facts["accel"] == template.accel
    argv = Path(f"/proc/{pair[0].pid}/cmdline").read_bytes().decode().split("\0")
    assert argv[argv.index("-accel") + 1].partition(",")[0] == template.accel


def test_kvm_that_is_of_no_use_is_given_up(made: Made, template: microvm.Template) -> None:
    """Where KVM is there and does not work, this is said, and the template comes all the same."""
    said = "".join(made.said)
    tried = "template (kvm)" in said
    assert tried == os.access(qemu.KVM_DEVICE, os.R_OK | os.W_OK)
    assert ("KVM is there but of no use" in said) == (tried and template.accel == qemu.TCG)


def test_what_was_warmed_is_in_every_clone(
    pair: tuple[microvm.MicroVM, microvm.MicroVM],
) -> None:
    """A clone goes on where the template was stopped."""
    for clone in pair:
        assert clone.run("test", "-f", "/run/warmed", timeout=20).exit == 0


def test_the_template_does_not_change(template: microvm.Template, vm: microvm.MicroVM) -> None:
    """What clones write into their memory is not written into the template's."""
    assert vm.run("sh", "-c", "head -c 40M /dev/urandom > /work/x", timeout=60).exit == 0
    assert template.intact()


@pytest.fixture
def spoilt(
    template: microvm.Template, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A template to damage, in a cache folder of its own: replace its files, for they are links."""
    with_images(tmp_path, image)
    folder = tmp_path / TEMPLATES / template.folder.name
    shutil.copytree(template.folder, folder, copy_function=os.link)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield folder
    microvm.prune()


def replace(path: Path, content: bytes, size: int) -> None:
    """Make `path` another file of `size`, which begins with `content`."""
    path.unlink()
    path.write_bytes(content)
    os.truncate(path, size)
    path.chmod(0o600)
    IdMap.for_this_user().own(path)


@pytest.mark.parametrize("name", ["state", "memory"])
def test_a_damaged_template_is_replaced(spoilt: Path, image: Image, name: str) -> None:
    """Half a state, or a memory of zeros, does not wake; it says so and makes another template."""
    whole = (spoilt / name).read_bytes() if name == "state" else b""
    replace(spoilt / name, whole, len(whole) // 2 or qemu.MEMORY_MIB * MIB)
    said: list[str] = []
    with microvm.start(warm.source(image), a_little, progress=said.append) as clone:
        assert clone.run("test", "-f", "/run/warmed", timeout=20).exit == 0
    assert said[0].startswith("a microVM did not wake: ")
    assert said[1] == DAMAGED
    assert said[-1] == READY
    assert [path.name for path in spoilt.parent.iterdir() if path != spoilt] == [".lock"]


class EnoughError(Exception):
    """Stops a making that is begun."""


@pytest.mark.parametrize(
    "content", [b"", b'{"accel": "tc', b"[]", b"{}", b'{"accel": "vax"}', b"\xff"]
)
def test_a_template_without_facts_is_damaged(spoilt: Path, image: Image, content: bytes) -> None:
    """If template.json is not what was written, another template is made."""
    replace(spoilt / "template.json", content, len(content))
    said: list[str] = []

    def progress(line: str) -> None:
        said.append(line)
        if line.startswith(MAKING):
            raise EnoughError

    assert microvm.find(warm.source(image)) is None
    with pytest.raises(EnoughError):
        microvm.start(warm.source(image), a_little, progress=progress)
    assert said[0] == DAMAGED
    assert [path.name for path in spoilt.parent.iterdir()] == [".lock"]


def test_a_failure_in_making_leaves_nothing(spoilt: Path, image: Image) -> None:
    """If the warming fails QEMU ends, its files are closed, and no folder is left."""
    microvm.prune()
    before, children = descriptors(), qemus(os.getpid())

    def fail(machine: Machine) -> None:
        assert qemus(os.getpid()) - children
        raise EnoughError

    with pytest.raises(EnoughError):
        microvm.ensure(warm.source(image), fail)
    assert qemus(os.getpid()) == children
    assert descriptors() == before
    assert [path.name for path in spoilt.parent.iterdir()] == [".lock"]


def test_a_wrong_clock_is_not_kept(spoilt: Path, image: Image) -> None:
    """A guest that has measured its clock wrong is dropped, and another is booted."""
    microvm.prune()
    told: list[str] = []
    booted: list[Machine] = []

    def look_at_clock(machine: Machine) -> None:
        booted.append(machine)
        if len(booted) == 1:
            what = "the guest's clock is wrong"
            raise microvm.WrongClock(what)

    made = microvm.ensure(warm.source(image), look_at_clock, progress=told.append)
    assert len(booted) == 2
    assert "the guest's clock is wrong" in told
    assert made.intact()
    assert sorted(path.name for path in spoilt.parent.iterdir()) == [".lock", made.folder.name]


def test_warming_leaves_nothing(machine: Machine) -> None:
    """What warms a template ends by itself: no clone begins with a process or a rule of its."""
    look = "ps -eo args; iptables-save; ip -br link"
    before = machine.run("sh", "-c", look, timeout=20).output
    warm.warm(machine)
    wait_until(
        lambda: machine.run("sh", "-c", look, timeout=20).output == before,
        within=20,
        what="the machine as it was",
    )


@ROOT
def test_a_full_cache_folder(image: Image, tmp_path: Path) -> None:
    """Where a template has no room there is an error that says so, and nothing is left."""
    with_images(tmp_path / "full", image)
    script = (
        f"mount -t tmpfs -o size=100m none '{tmp_path}/full/{TEMPLATES}' && "
        f"""XDG_CACHE_HOME='{tmp_path}/full' exec "$@" """
    )
    with other(OTHER, "unshare", "--mount", "sh", "-c", script, "-") as process:
        out = process.communicate(timeout=60)[0]
    assert process.returncode == 3, out
    assert "MachineError: the microVM's template cannot be kept in " in out
    assert "No space left on device\nmake room there" in out
    assert out.endswith("['.lock']\n")


# --- clones ------------------------------------------------------------------------------------


def test_a_kernel_of_its_own(image: Image, pair: tuple[microvm.MicroVM, microvm.MicroVM]) -> None:
    """It runs the image's kernel, and not the one that runs here."""
    (clone, _) = pair
    release = guest.kernel_release(image.root)
    assert clone.kernel == release
    assert clone.run("uname", "-r", timeout=20).output == f"{release}\n"
    boot = Path("/proc/sys/kernel/random/boot_id")
    assert clone.run("cat", str(boot), timeout=20).output != boot.read_text(encoding="ascii")


SETTINGS = "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger"


def test_a_sandbox_s_root_is_not_the_kernels(vm: microvm.MicroVM) -> None:
    """All settings below /proc are the kernel's root's; the image is the sandbox's own root's."""
    before = vm.run("cat", *SETTINGS[:2], timeout=20).output
    with Sandbox(vm) as sandbox:
        for path in SETTINGS:
            done = sandbox.run("sh", "-c", f"echo b >{path}", timeout=20)
            assert "Permission denied" in done.complaints, path
        found = sandbox.run("sh", "-c", "stat -c %u /etc/passwd && id -u && sudo id -u", timeout=20)
        assert found.output == "0\n0\n0\n", found.complaints
        again = sandbox.run("sh", "-c", "echo again >/dev/stdout", timeout=20)
        assert again.output == "again\n", again.complaints
    assert vm.run("cat", *SETTINGS[:2], timeout=20).output == before


def test_a_sandbox_s_processes_are_limited(vm: microvm.MicroVM) -> None:
    """A fork bomb ends at the sandbox's limit, and our programs beside it start all the same."""
    bomb = "while sleep 60 & do :; done; sleep 60"
    with Sandbox(vm, Limits(processes=16)) as sandbox, sandbox.start("sh", "-c", bomb) as started:
        assert started.expect("ork", stream="stderr", within=30)
        beside = sandbox.start_beside("sh", "-c", "echo fine | cat").finish(20)
        assert beside.output == "fine\n", beside


def test_a_submission_is_killed_first_for_want_of_memory(vm: microvm.MicroVM) -> None:
    """What runs in a sandbox is likelier to be killed than what watches it."""
    code = "cat /proc/self/oom_score_adj /proc/1/oom_score_adj"
    with Sandbox(vm) as sandbox:
        assert sandbox.run("sh", "-c", code, timeout=20).output == "500\n0\n"


@pytest.mark.parametrize("source", ["/dev/urandom", "/proc/sys/kernel/random/uuid"])
def test_random_bytes_of_its_own(
    template: microvm.Template, pair: tuple[microvm.MicroVM, microvm.MicroVM], source: str
) -> None:
    """No two clones have the same random numbers, and none those of an older clone."""
    with microvm.clone(template) as third:
        found = [one.run("head", "-c", "36", source, timeout=20) for one in (*pair, third)]
    assert len({one.stdout for one in found}) == 3
    assert {len(one.stdout) for one in found} == {36}


def test_the_clock(template: microvm.Template) -> None:
    """A clone's clock is this host's, however long ago the template was made."""
    with microvm.clone(template) as clone:
        before = time.time()
        inside = float(clone.run("date", "+%s.%N", timeout=20).output)
        assert before - 1 < inside < time.time() + 1


@pytest.mark.parametrize(
    ("write", "read"),
    [
        ("echo mine > /run/mine", "cat /run/mine"),
        ("iptables -A OUTPUT -m comment --comment mine", "iptables-save"),
        ("echo mine > /dev/kmsg", "dmesg"),
        ("hostname mine", "hostname"),
    ],
    ids=["file", "iptables", "kernel log", "hostname"],
)
def test_clones_share_nothing(
    pair: tuple[microvm.MicroVM, microvm.MicroVM], write: str, read: str
) -> None:
    """What one clone changes is changed there and not in another that runs at the time."""
    one, two = pair
    assert one.run("sh", "-c", write, timeout=20).exit == 0
    assert "mine" in one.run("sh", "-c", read, timeout=20).output
    assert "mine" not in two.run("sh", "-c", read, timeout=20).output


def test_no_network_card(pair: tuple[microvm.MicroVM, microvm.MicroVM]) -> None:
    """The guest's only link is loopback, and no device on its bus is a network card."""
    links = json.loads(pair[0].run("ip", "-j", "link", timeout=20).output)
    assert [link["ifname"] for link in links] == ["lo"]
    classes = pair[0].run("sh", "-c", "cat /sys/bus/pci/devices/*/class", timeout=20).output
    assert classes
    assert not [one for one in classes.split() if one.startswith("0x02")]


def test_qemu_is_confined(pair: tuple[microvm.MicroVM, microvm.MicroVM]) -> None:
    """QEMU is not root, has no capability, a system call filter, and a network of its own."""
    for clone in pair:
        found = status(clone.pid)
        assert "0" not in found["Uid"].split() + found["Gid"].split()
        assert "0" not in found["Groups"].split()
        assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1")
        assert int(found["CapEff"], 16) == int(found["CapPrm"], 16) == 0
        for kind in ("net", "ipc"):
            here = Path(f"/proc/self/ns/{kind}").readlink()
            assert Path(f"/proc/{clone.pid}/ns/{kind}").readlink() != here


@ROOT
def test_qemu_is_in_the_group_that_may_use_kvm(
    template: microvm.Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started by root, QEMU has the device's group if that may read and write it, else none."""
    device = tmp_path / "kvm"
    device.touch()
    os.chown(device, 0, 4321)
    monkeypatch.setattr(qemu, "KVM_DEVICE", device)
    for mode, groups in ((0o660, "4321"), (0o640, ""), (0o600, "")):
        device.chmod(mode)
        with microvm.clone(template) as clone:
            assert status(clone.pid)["Groups"] == groups


def test_nothing_is_in_shared_memory(pair: tuple[microvm.MicroVM, microvm.MicroVM]) -> None:
    """QEMU has no file in /dev/shm, so that a full one is all the same to it."""
    maps = Path(f"/proc/{pair[0].pid}/maps").read_text(encoding="utf-8")
    opened = [str(one.readlink()) for one in Path(f"/proc/{pair[0].pid}/fd").iterdir()]
    assert "/memory" in maps
    assert "/dev/shm" not in maps + "".join(opened)


# --- guests that go wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("device", ["/dev/ttyS0", "/dev/console"])
def test_a_flooded_serial_port(vm: microvm.MicroVM, device: str) -> None:
    """However much a guest writes to its serial port, the last 64 KiB at most are kept."""
    code = f"yes 0123456789abcdef | head -c 300K > {device}; echo; echo last > {device}"
    assert vm.run("sh", "-c", code, timeout=120).exit == 0
    wait_until(
        lambda: vm._qemu.last_words().endswith("last"), within=60, what="the end of the flood"
    )
    assert len(vm._qemu._said._kept) == 64 * 1024
    assert len(vm._qemu.last_words()) <= qemu.SHOWN


def test_a_panic_is_an_error_with_the_log(template: microvm.Template) -> None:
    """When the guest's kernel dies, the call ends at once and shows what it said."""
    with microvm.clone(template) as clone:
        began = time.monotonic()
        with pytest.raises(MachineError) as caught:
            clone.run("sh", "-c", "echo c > /proc/sysrq-trigger; sleep 600", timeout=600)
        assert time.monotonic() - began < 20
        assert "QEMU has ended" in str(caught.value)
        assert "Kernel panic - not syncing: sysrq triggered crash" in str(caught.value)
        with pytest.raises(MachineError, match="sysrq triggered crash"):
            clone.call("system.kernel")
        pid = clone.pid
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_qemu_is_an_error(vm: microvm.MicroVM) -> None:
    """When QEMU is killed from outside the call ends at once."""
    process = vm.start("sleep", "600")
    os.kill(vm.pid, signal.SIGKILL)
    with pytest.raises(MachineError, match="QEMU has ended"):
        process.wait(600)


def test_a_hanging_guest_is_an_error(
    template: microvm.Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest that does not answer gives an error within the call's bound, and can be closed."""
    with microvm.clone(template) as clone:
        pid = clone.pid
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(client, "GRACE", 0.5)
        began = time.monotonic()
        with pytest.raises(MachineError, match=r"no answer within 1\.5 s; QEMU still runs"):
            clone.call("system.kernel", within=1.0)
        assert time.monotonic() - began < 1.5 + qemu.ENDS_WITHIN + 2
    assert not Path(f"/proc/{pid}").exists()


def test_a_hanging_guest_that_is_written_to(
    template: microvm.Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it hold up a call that has more to say than fits into a socket."""
    monkeypatch.setattr(qemu, "SENDS_WITHIN", 1)
    with microvm.clone(template) as clone:
        os.kill(clone.pid, signal.SIGSTOP)
        with pytest.raises(MachineError, match="the guest takes nothing any more"):
            clone.run("cat", timeout=600, stdin=bytes(4 * MIB))
        with pytest.raises(MachineError):
            clone.call("system.kernel", within=600)


# --- whatever way it ends ----------------------------------------------------------------------


def test_closing_leaves_nothing(template: microvm.Template) -> None:
    """A closed clone's QEMU has ended and all its files are closed; it may be closed twice."""
    before, children = descriptors(), qemus(os.getpid())
    with microvm.clone(template) as clone:
        assert qemus(os.getpid()) - children == {clone.pid}
        clone.close()
    assert qemus(os.getpid()) == children
    assert descriptors() == before


@pytest.mark.parametrize("missing", ["disk", "memory", "state"])
def test_a_failed_clone_leaves_nothing(
    template: microvm.Template, tmp_path: Path, missing: str
) -> None:
    """If a clone cannot be made, the error says why, QEMU has ended and its files are closed."""
    none = tmp_path / "none"
    if missing == "state":
        broken = dataclasses.replace(template, state=none)
    else:
        files = dataclasses.replace(template.files, **{missing: none})
        broken = dataclasses.replace(template, files=files)
    before, children = descriptors(), qemus(os.getpid())
    with pytest.raises(MachineError, match=r"No such file or directory: .*none"):
        microvm.clone(broken)
    assert qemus(os.getpid()) == children
    assert descriptors() == before


def test_a_killed_owner_leaves_nothing(template: microvm.Template) -> None:
    """When the grader is killed its clones are killed with it."""
    with other(HOLDER) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        mine = qemus(owner.pid)
        assert len(mine) == 2
        owner.kill()
        owner.communicate()
    gone(mine)


def test_an_orphan_does_not_start() -> None:
    """QEMU is not executed if its owner died before the kernel was told to kill it with it."""
    *command, owner = qemu.confined(IdMap.for_this_user())
    assert owner == str(os.getpid())
    for pid, expected in ((owner, "started\n"), ("1", "")):
        done = subprocess.run(
            [*command, pid, "echo", "started"], stdout=subprocess.PIPE, text=True, check=False
        )
        assert done.stdout == expected


# --- without QEMU ------------------------------------------------------------------------------


def test_without_qemu_it_is_unsupported(
    template: microvm.Template, image: Image, without_qemu: Path
) -> None:
    """Where QEMU is not installed, this and the remedy are said, and nothing is left open."""
    before = descriptors()
    for attempt in (
        lambda: microvm.start(warm.source(image), a_little),
        lambda: microvm.find(warm.source(image)),
        lambda: microvm.clone(template),
    ):
        with pytest.raises(Unsupported, match="qemu-system-x86_64 is not installed") as caught:
            attempt()
        assert "apt-get install qemu-system-x86" in caught.value.remedy
    assert descriptors() == before


def test_grading_without_qemu(cache: Path, without_qemu: Path, tmp_path: Path) -> None:
    """A check that needs a microVM is then undecided, with the remedy: never a zero."""
    run = grade(REFERENCE, "-k", "log_lines", home=tmp_path)
    check = run.checks("reference")["01b.log_lines"]
    assert check["verdict"] == "UNSUPPORTED", run.out
    assert "qemu-system-x86_64 is not installed" in check["message"]
    assert "apt-get install qemu-system-x86" in check["hint"] + check["message"]
    assert run.verdicts("reference")["01b.runs"] == "PASSED"
    assert run.code == 3
