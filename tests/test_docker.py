"""The Docker sandbox: what it promises, and what becomes of an engine in trouble."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import engines
import pytest
from runs import UNCAUGHT, grade, submission

from grader import image as images
from grader.deadline import wait_until
from grader.errors import GraderError, Unsupported
from grader.image import Recipe
from grader.machine.client import MachineError
from grader.machine.docker import DockerMachine, Engine, owner
from grader.machine.docker.engine import OWNER
from grader.machine.idmap import IdMap
from grader.sandbox import Limits, Sandbox
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.image import Image
    from grader.machine.process import Completed

MIB = 1024 * 1024
# Makes a machine and a sandbox, says so, and waits to be killed.
CLIENT = """
import time
from grader.image import find
from grader.machine.docker import DockerMachine
from grader.sandbox import Sandbox
image = find()
machine = DockerMachine(image.root, image.id)
sandbox = Sandbox(machine)
sandbox.start("sleep", "98765")
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True, scope="module")
def docker_host(engine: str) -> Iterator[None]:
    """What is made here is made on that engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine)
        yield


@pytest.fixture(scope="module")
def contained(docker_host: None, image: Image) -> Iterator[DockerMachine]:
    """A machine for all tests here."""
    with DockerMachine(image.root, image.id) as running:
        yield running


@pytest.fixture
def boxed(contained: DockerMachine) -> Iterator[Sandbox]:
    """A sandbox of the test's own."""
    with Sandbox(contained) as made:
        yield made


def sh(sandbox: Sandbox, code: str, *, timeout: float = 20.0) -> Completed:
    """Run a shell script inside."""
    return sandbox.run("sh", "-c", code, timeout=timeout)


def ours() -> list[str]:
    """The names of all containers that have our labels."""
    with Engine() as engine:
        found = engine.api.containers(all=True, filters={"label": OWNER})
    return [one["Names"][0] for one in found]


# --- what is inside, and what is not -----------------------------------------------------------


def test_exactly_five_capabilities(boxed: Sandbox) -> None:
    """Its root has KILL, SETGID, SETUID, NET_ADMIN and NET_RAW, and can gain no others."""
    status = dict(
        line.split(":\t") for line in sh(boxed, "cat /proc/self/status").output.splitlines()
    )
    rights = sum(1 << number for number in (5, 6, 7, 12, 13))
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {rights}
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_only_the_first_process_is_there(boxed: Sandbox) -> None:
    """A program sees the container's first process and itself."""
    code = "import os; print(sorted(n for n in os.listdir('/proc') if n.isdigit())[0])"
    assert boxed.run("python3", "-I", "-c", code, timeout=20).output == "1\n"
    assert len(sh(boxed, "exec ls -d /proc/[0-9]*").output.split()) == 2


@pytest.mark.parametrize(
    "attempt",
    [
        "touch /usr/x",
        "touch /machine/x",
        "mount -t tmpfs x /mnt",
        "echo x >/proc/sys/kernel/core_pattern",
        "cat /proc/1/environ",
        "readlink /proc/1/fd/3",
        "ls /proc/1/root/",
        "grep -q . /proc/1/maps",
        "python3 -c 'import ctypes,sys; sys.exit(ctypes.CDLL(None).ptrace(16, 1, 0, 0))'",
        "head -c 100000 /dev/zero >/dev/x",
        "mknod /tmp/x c 1 3",
        "dmesg",
    ],
)
def test_not_allowed(boxed: Sandbox, attempt: str) -> None:
    """Neither the image nor the kernel's settings nor the first process is a submission's."""
    assert sh(boxed, attempt).exit != 0


def test_the_first_process_cannot_be_killed(boxed: Sandbox) -> None:
    """What is sent to all, or to the first process, does not stop the sandbox."""
    sh(boxed, "kill -9 -1; kill -9 1; kill -INT 1; kill -STOP 1; kill -TERM 1; exit 0")
    assert sh(boxed, "echo still here").output == "still here\n"


def test_network_settings_are_its_own(boxed: Sandbox) -> None:
    """The sysctls of its network can be written, and are not this host's."""
    here = sh(boxed, "cat /proc/sys/net/ipv4/ip_default_ttl").output
    assert sh(boxed, "echo 77 >/proc/sys/net/ipv4/ip_default_ttl").exit == 0
    with Sandbox(boxed.machine) as other:
        assert sh(other, "cat /proc/sys/net/ipv4/ip_default_ttl").output == here


@pytest.mark.parametrize("name", ["resolv.conf", "hosts", "hostname"])
def test_names_are_the_image_s(boxed: Sandbox, image: Image, name: str) -> None:
    """Docker's own files of names do not hide the image's."""
    assert sh(boxed, f"cat /etc/{name}").output == (image.root / "etc" / name).read_text()


def test_no_network_of_docker_s(boxed: Sandbox) -> None:
    """There is the loopback, switched on, with IPv6, and nothing else."""
    links = json.loads(sh(boxed, "ip -j addr").output)
    (loopback,) = links
    assert {one["local"] for one in loopback["addr_info"]} == {"127.0.0.1", "::1"}


def test_fresh_folders_run_programs(boxed: Sandbox) -> None:
    """/work, /tmp and /run are empty, and what is built there runs."""
    for folder in ("/work", "/tmp", "/run"):
        assert sh(boxed, f"ls -A {folder} | grep -v '^lock$'").output == ""
        assert sh(boxed, f"cp /bin/true {folder}/built && {folder}/built").exit == 0


@pytest.fixture
def limited(contained: DockerMachine) -> Iterator[Sandbox]:
    """A sandbox with tight limits."""
    with Sandbox(contained, Limits(processes=24, memory=128 * MIB, disk=4 * MIB)) as made:
        yield made


def test_processes_are_limited(limited: Sandbox) -> None:
    """A fork bomb ends at the limit, and the sandbox can be used afterwards."""
    done = sh(limited, "for i in $(seq 100); do sleep 60 & done; wait", timeout=2)
    assert "Cannot fork" in done.complaints
    limited.terminate()
    wait_until(limited.idle, within=10, what="the end of all processes")
    assert sh(limited, "echo well").output == "well\n"


def test_memory_of_all_is_limited(limited: Sandbox) -> None:
    """Processes that take too much together are killed, and never the first one."""
    hold = "python3 -c 'x = bytearray(b\"x\") * 70_000_000; import time; time.sleep(2)'"
    done = sh(
        limited, f"({hold}) && echo alone; for i in 1 2 3; do ({hold} || echo killed) & done; wait"
    )
    assert done.output.startswith("alone\n"), done.complaints
    assert "killed" in done.output, done.complaints
    assert sh(limited, "echo well").output == "well\n"


def test_disk_is_limited(limited: Sandbox) -> None:
    """A folder takes no more than it may."""
    assert "No space left" in sh(limited, "head -c 5M /dev/zero >/work/x").complaints


def test_ctrl_c_reaches_the_foreground_group(boxed: Sandbox) -> None:
    """At a terminal, a typed Ctrl-C interrupts what runs there."""
    code = "trap 'echo caught; exit 7' INT; echo ready; while :; do read -r x; done"
    with boxed.start("sh", "-c", code, terminal=True) as process:
        assert process.expect("ready", within=10)
        process.interrupt()
        done = process.wait(10)
    assert (done.exit, "caught" in done.output) == (7, True)


def test_a_program_that_hangs_is_killed(boxed: Sandbox) -> None:
    """After its time a program is gone, whatever it ignores."""
    done = sh(boxed, "trap '' TERM INT HUP; while :; do sleep 1; done", timeout=0.5)
    assert done.outcome == "did not end"
    wait_until(boxed.idle, within=10, what="the program's end")


def test_beside_is_invisible(boxed: Sandbox) -> None:
    """Our own programs share the network only: they are not seen, and see what runs there."""
    with boxed.start_beside("sleep", "4321"):
        assert "4321" not in sh(boxed, "cat /proc/[0-9]*/cmdline").output
    done = boxed.start_beside("ip", "-br", "link").finish(10)
    assert done.output.split()[0] == "lo"


def test_a_capture_is_noticed(boxed: Sandbox) -> None:
    """A bound packet socket in the sandbox's network is seen from outside."""
    assert not boxed.captures()
    with boxed.start("tcpdump", "-i", "lo") as process:
        assert process.expect("listening on", stream="stderr", within=10)
        assert boxed.captures()


# --- the world ---------------------------------------------------------------------------------


def test_the_world_is_there(contained: DockerMachine, internet: Path, image: Image) -> None:
    """The submission's clients reach the services by name, and a watched packet is seen."""
    made = World(contained, Topology.load(internet), seed="docker", **image.server())
    with made as world:
        page = sh(world.sandbox, "curl -s https://www.google.com")
        assert world.identity.nonce in page.output, page.complaints
        assert sh(world.sandbox, "sudo true").complaints == ""


def test_the_host_is_untouched(contained: DockerMachine, internet: Path, image: Image) -> None:
    """While a world is up this host has no link, rule or namespace more."""
    links = subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout
    with World(contained, Topology.load(internet), seed="docker", **image.server()):
        now = subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout
        assert [one["ifname"] for one in json.loads(now)] == [
            one["ifname"] for one in json.loads(links)
        ]


def test_a_submission_is_graded(tmp_path: Path, engine: str) -> None:
    """With --sandbox=docker a task is graded in containers, says so, and leaves none."""
    before = set(ours())
    wrong = submission(tmp_path / "wrong", uncaught_sh=UNCAUGHT)
    found = grade(
        wrong, "--sandbox=docker", "-k", "01d", home=tmp_path, env={"DOCKER_HOST": engine}
    )
    checks = found.checks("wrong")
    assert {(one["verdict"], one["sandbox"]) for one in checks.values()} == {("PASSED", "docker")}
    assert found.code == 0
    wait_until(lambda: set(ours()) <= before, within=20, what="the end of the run's containers")


# --- trouble -----------------------------------------------------------------------------------


def test_nothing_is_left_of_a_killed_run(engine: str) -> None:
    """After SIGKILL of the grader its containers end by themselves, and are removed."""
    before = set(ours())
    with subprocess.Popen([sys.executable, "-c", CLIENT], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        assert len(set(ours()) - before) == 2
        client.kill()
    wait_until(lambda: set(ours()) <= before, within=20, what="the end of the run's containers")


def test_leftovers_of_the_dead_are_removed(contained: DockerMachine) -> None:
    """The next start removes containers whose owner is dead, and no others."""
    image = contained._image
    dead = subprocess.Popen(["true"])
    here = owner.this_process().rsplit(" ", 2)[0]
    dead.wait()
    with Engine() as engine:

        def made(label: str) -> str:
            return str(engine.api.create_container(image, "true", labels={OWNER: label})["Id"])

        left = made(f"{here} {dead.pid} 1")
        alive = made(owner.this_process())
        foreign = str(engine.api.create_container(image, "true")["Id"])
        engine.sweep()
        rest = {one["Id"] for one in engine.api.containers(all=True)}
        for one in (alive, foreign):
            engine.remove(one)
    assert left not in rest
    assert {alive, foreign, contained._container} <= rest


def test_a_number_that_was_given_again_is_another_process() -> None:
    """An owner is known by its start, too; and one on another host is left alone."""
    mine = owner.this_process()
    place, number, start = mine.rsplit(" ", 2)
    assert not owner.is_dead(mine, running=True)
    assert owner.is_dead(f"{place} {number} {int(start) - 1}", running=True)
    assert not owner.is_dead(f"elsewhere {number} {start}", running=True)
    assert owner.is_dead(f"elsewhere {number} {start}", running=False)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no engine, the remedy is to install one."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(Unsupported, match="there is no Docker engine") as raised:
        Engine()
    assert "apt-get install docker.io" in raised.value.remedy


def test_an_engine_that_is_not_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A socket that nobody listens on is an engine that was stopped."""
    with socket.socket(socket.AF_UNIX) as once:
        once.bind(str(tmp_path / "s"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with pytest.raises(Unsupported, match="is not running") as raised:
        Engine()
    assert "systemctl start docker" in raised.value.remedy


def test_an_engine_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that takes a question and says nothing is waited for so long and no longer."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        with pytest.raises(Unsupported, match="does not answer"):
            Engine(within=1)


@pytest.fixture
def nobody() -> Iterator[None]:
    """This process is another user's for the while."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    os.setegid(65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)
    os.setegid(0)


def test_without_permission(engine: str, nobody: None) -> None:
    """A user who may not open the engine's socket is told how to be allowed to."""
    with pytest.raises(Unsupported, match="may not use the Docker engine") as raised:
        Engine()
    assert "usermod -aG docker" in raised.value.remedy


def test_an_engine_that_ends_in_mid_run(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine is stopped under a machine, its calls fail at once, and closing is quick."""
    if os.geteuid() != 0:
        pytest.skip("only root can start an engine of its own")
    with engines.started(engines._programs()) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        machine = DockerMachine(image.root, image.id)
        sandbox = Sandbox(machine)
        process = sandbox.start("sleep", "98765")
        threading.Thread(target=_terminate, args=(address,)).start()
        with pytest.raises(MachineError):
            process.wait(60)
        with pytest.raises(MachineError, match="engine"):
            Sandbox(machine)
        with suppress(MachineError):
            sandbox.close()
        machine.close()


def _terminate(address: str) -> None:
    pid = address.removeprefix("unix://").replace("docker.sock", "pid")
    with open(pid, encoding="ascii") as file:  # noqa: PTH123
        os.kill(int(file.read()), signal.SIGTERM)


# --- an image of the engine's making -----------------------------------------------------------


@pytest.fixture(scope="module")
def debian(docker_host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A plain Debian in the engine, as a registry has it."""
    archive = tmp_path_factory.mktemp("debian") / "debian.tar"
    made = ["mmdebstrap", "--variant=apt", "--format=tar", "--quiet", Recipe().suite, str(archive)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    with Engine() as engine:
        engine.api.import_image(src=str(archive), repository="debian", tag="plain")
        yield "debian:plain"
        engine.api.remove_image("debian:plain", force=True)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """A small recipe of every kind of part, and a cache of its own to build it in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "small"
    (folder / "rootfs" / "etc").mkdir(parents=True)
    (folder / "rootfs" / "etc" / "hosts").write_text("192.0.2.1 ours\n")
    (folder / "packages.txt").write_text("hello\n")
    (folder / "finish").write_text("#!/bin/sh\nhello >/finished\nchmod 4711 /finished\n")
    yield Recipe(folder=folder)
    images.prune(keep_current=False)


def test_an_image_is_built_without_mmdebstrap(
    recipe: Recipe, debian: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a Docker engine in its place: the same parts, and nothing of the engine's."""
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "mmdebstrap" else real(name))
    with pytest.raises(Unsupported, match="needs mmdebstrap") as without:
        images.ensure(recipe)
    assert "grader image build --base debian:" in without.value.remedy
    before = ours()
    image = images.ensure(recipe, base=debian)
    assert image.root.joinpath("etc/hosts").read_text() == "192.0.2.1 ours\n"
    assert image.root.joinpath("finished").read_text() == "Hello, world!\n"
    assert image.root.joinpath("finished").stat().st_mode & 0o7777 == 0o4711
    assert image.root.stat().st_uid == IdMap.for_this_user().uid_base
    assert "hello" in image.facts()["packages"]
    assert not image.root.joinpath("finish").exists()
    assert not image.root.joinpath(".dockerenv").exists()
    assert not image.root.joinpath("usr/share/doc/hello").exists()
    assert (image.root.parent / "disk.sqfs").stat().st_size > MIB
    assert images.find(recipe) == image
    assert ours() == before


@pytest.mark.parametrize(
    ("changed", "base", "named"),
    [
        ({"packages": ("no-such-package",)}, "debian:plain", "no-such-package"),
        ({}, "127.0.0.1:1/no-such-base", "no-such-base"),
        ({"finish": "echo never-mind; exit 9"}, "debian:plain", "never-mind"),
        ({"suite": "sid"}, "debian:plain", "expected Debian sid to build on, found Debian"),
    ],
)
def test_what_the_engine_cannot_build_is_named(
    recipe: Recipe, debian: str, changed: dict[str, Any], base: str, named: str
) -> None:
    """A package, a base that is not there, another system's, a failed script: it says which."""
    assert debian
    before = ours()
    changed = dict(changed)
    recipe.folder.joinpath("finish").write_text(changed.pop("finish", ""))
    packages = changed.pop("packages", ("hello",))
    recipe.folder.joinpath("packages.txt").write_text("\n".join(packages))
    with pytest.raises(GraderError, match=named):
        images.ensure(replace(recipe, **changed), base=base)
    assert not images.stored()
    assert ours() == before
