"""What the sandbox promises, each promise tried from inside with the real thing."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.deadline import TimedOut, wait_until
from grader.machine.client import CallError
from grader.machine.process import Completed
from grader.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.machine.client import Machine

REPO = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
KINDS = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
# Starts a machine and a daemon in a sandbox of it, says both, then waits to be killed.
CLIENT = """
import sys, time
from grader.image import find
from grader.machine.local import LocalMachine
from grader.sandbox import Sandbox
machine = LocalMachine(find().root)
sandbox = Sandbox(machine)
sandbox.run("sh", "-c", "setsid sleep 98765 >/dev/null 2>&1 & ", timeout=5)
sandbox.start_beside("sleep", "98765")
print(machine._process.pid, flush=True)
time.sleep(600)
"""


def python(sandbox: Sandbox, code: str, *, timeout: float = 20.0) -> Completed:
    """Run Python inside."""
    return sandbox.run("python3", "-I", "-c", code, timeout=timeout)


def sh(sandbox: Sandbox, code: str, *, timeout: float = 20.0) -> Completed:
    """Run a shell script inside."""
    return sandbox.run("sh", "-c", code, timeout=timeout)


@pytest.fixture
def limited(machine: Machine) -> Iterator[Sandbox]:
    """A sandbox with tight limits."""
    limits = Limits(
        processes=24, memory=256 * MIB, cpu_s=1, output=64 * 1024,
        file_size=MIB, descriptors=32, disk=4 * MIB, inodes=64,
    )  # fmt: skip
    with Sandbox(machine, limits) as made:
        yield made


def descendants(pid: int) -> set[int]:
    """All processes below `pid`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        todo += (below := parents.get(todo.pop(), []))
        found |= set(below)
    return found


# --- what is inside, and what is not -----------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_namespaces_of_its_own(sandbox: Sandbox, kind: str) -> None:
    """Each kind of namespace is another one than this host's and than another sandbox's."""
    with Sandbox(sandbox.machine) as other:
        found = {python(one, f"import os; print(os.readlink('/proc/self/ns/{kind}'))").output
                 for one in (sandbox, other)}  # fmt: skip
    assert len(found) == 2
    assert f"{Path(f'/proc/self/ns/{kind}').readlink()}\n" not in found


def test_root_inside_is_nobody_outside(sandbox: Sandbox) -> None:
    """Its root is not this host's root, and 65,536 ids are mapped."""
    (line,) = sh(sandbox, "cat /proc/self/uid_map").output.splitlines()
    inside, _, count = map(int, line.split())
    assert (inside, count) == (0, 65_536)
    done = sandbox.start("sleep", "60")
    with done:
        status = Path(f"/proc/{max(descendants(os.getpid()))}/status").read_text(encoding="ascii")
    (uids,) = [one.split()[1:] for one in status.splitlines() if one.startswith("Uid")]
    assert set(map(int, uids)).isdisjoint({0, 1000})


def test_no_process_of_the_host_is_seen(sandbox: Sandbox) -> None:
    """/proc has the sandbox's first process, the command, and nobody else."""
    code = "import os; print(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()))"
    pids = json.loads(python(sandbox, code).output)
    assert len(pids) == 2
    assert pids[0] == 1


def test_no_file_of_the_host_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither this test's folder nor the project nor the home of who grades is there."""
    (tmp_path / "secret").write_text("s")
    for path in (tmp_path / "secret", REPO, REPO / "submissions", sys.prefix):
        assert sh(sandbox, f"ls -d '{path}'").exit != 0, path
    assert sh(sandbox, "ls -A /root /home /work /tmp /mnt /srv").output.count(REPO.name) == 0
    assert sh(sandbox, "ls -A /work /tmp").output == "/tmp:\n\n/work:\n"


def test_no_mount_of_the_host_is_seen(sandbox: Sandbox) -> None:
    """Of mounts there are the image, the pseudo file systems, devices and fresh memory."""
    kinds = {line.split()[2] for line in sh(sandbox, "cat /proc/mounts").output.splitlines()}
    root = sh(sandbox, "findmnt -no FSTYPE /").output.split() or []
    assert kinds - set(root) <= {"proc", "sysfs", "tmpfs", "devpts", "devtmpfs"}


def test_no_abstract_socket_of_the_host_is_reached(sandbox: Sandbox) -> None:
    """A socket without a path that listens here cannot be connected to from inside."""
    code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0netlab-test')"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0netlab-test")
        listener.listen()
        assert "ConnectionRefusedError" in python(sandbox, code).complaints


def test_no_server_of_the_host_is_reached(sandbox: Sandbox) -> None:
    """What listens on this host's loopback is not on the sandbox's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert "ConnectionRefusedError" in python(sandbox, code).complaints


def test_no_way_to_the_internet(sandbox: Sandbox) -> None:
    """The only link is loopback, and there is no route."""
    links = json.loads(sh(sandbox, "ip -j link").output)
    assert [link["ifname"] for link in links] == ["lo"]
    assert sh(sandbox, "ip route; ip -6 route").output == ""
    assert "unreachable" in sh(sandbox, "ping -c1 -W1 169.254.169.254").complaints


def test_clear_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the grader's environment is inside: eight neutral names, no secret."""
    monkeypatch.setenv("NETLAB_SECRET", "s")
    with Sandbox(sandbox.machine) as made:
        lines = made.run("env", timeout=5).output.splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "PWD"}
    assert not [line for line in lines if "pytest" in line.lower() or "netlab" in line.lower()]


def test_exactly_five_capabilities(sandbox: Sandbox) -> None:
    """KILL, SETGID, SETUID, NET_ADMIN and NET_RAW are all that can be had, now or by a program."""
    bits = sum(1 << n for n in (5, 6, 7, 12, 13))
    status = dict(
        line.split(":\t") for line in sh(sandbox, "cat /proc/self/status").output.splitlines()
    )
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name], 16) == bits, name
    assert int(status["CapAmb"], 16) == 0


def test_no_new_privileges(sandbox: Sandbox) -> None:
    """A set-user-ID program gives a user nothing."""
    assert "NoNewPrivs:\t1" in sh(sandbox, "grep NoNewPrivs /proc/self/status").output
    code = "import os; os.setgid(1000); os.setuid(1000); os.execvp('su', ['su', '-c', 'id'])"
    assert "uid=0" not in python(sandbox, code).output


@pytest.mark.parametrize("folder", ["/", "/usr/bin", "/etc", "/root", "/var/tmp", "/opt"])
def test_the_root_is_read_only(sandbox: Sandbox, folder: str) -> None:
    """Nothing can be written into the image."""
    assert "Read-only file system" in sh(sandbox, f"echo x > {folder}/new").complaints


@pytest.mark.parametrize("folder", ["/tmp", "/run", "/work", "/dev/shm"])
def test_fresh_folders(sandbox: Sandbox, folder: str) -> None:
    """What one sandbox writes is there for itself and not for another."""
    assert sh(sandbox, f"echo x > {folder}/new && cat {folder}/new").output == "x\n"
    with Sandbox(sandbox.machine) as other:
        assert sh(other, f"cat {folder}/new").exit != 0


@pytest.mark.parametrize(
    "attempt",
    [
        "mount -t tmpfs none /mnt",
        "mount -o remount,rw /",
        "umount /proc",
        "nsenter -t 1 -n true -m",
        "chroot / true",
        "mknod /tmp/disk b 8 0",
        "unshare --mount true",
        "echo core > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "echo 1 > /proc/sys/kernel/panic",
        "insmod /lib/modules/none.ko",
        "date -s 2001-01-01",
        "hostname other",
        "swapoff -a && swapon /tmp/x",
    ],
)
def test_not_allowed(sandbox: Sandbox, attempt: str) -> None:
    """Mounts, other namespaces, devices, the kernel's settings and the clock are out of reach."""
    assert sh(sandbox, attempt).exit != 0


def test_no_kernel_log(sandbox: Sandbox) -> None:
    """What is written to /dev/kmsg is a file of the sandbox's own, no line in the kernel log."""
    assert sh(sandbox, "echo forged > /dev/kmsg; test -c /dev/kmsg").exit == 1
    assert "forged" not in sh(sandbox, "dmesg").output


def test_signals_have_their_defaults(sandbox: Sandbox) -> None:
    """No signal is ignored or blocked when a command starts."""
    status = sh(sandbox, "exec grep -E '^Sig(Ign|Blk)' /proc/self/status").output
    assert [int(line.split()[1], 16) for line in status.splitlines()] == [0, 0]


def test_the_agent_is_not_there(sandbox: Sandbox) -> None:
    """Neither the agent's code nor the folder of the image as the machine sees it is inside."""
    assert sh(sandbox, "ls /machine /tmp /run").output.count("agent") == 0
    assert sh(sandbox, "ls -A /machine").output == ""


# --- limits ------------------------------------------------------------------------------------


def test_processes_are_limited(limited: Sandbox) -> None:
    """A fork fails once there are as many processes as may be."""
    code = "i=0; while [ $i -lt 40 ]; do sleep 30 & i=$((i+1)); done; echo all"
    done = sh(limited, code)
    assert "fork" in done.complaints.lower()
    assert "all" not in done.output


def test_processes_are_limited_for_each_alone(machine: Machine, limited: Sandbox) -> None:
    """A sandbox that has used up its processes takes none from another."""
    with limited.start("sh", "-c", "while sleep 30 & do :; done; sleep 30") as bomb:
        assert bomb.expect("ork", stream="stderr", within=15)
        with Sandbox(machine, limited.limits) as other:
            assert sh(other, "sh -c 'echo fine | cat'").output == "fine\n"


def test_memory_is_limited(limited: Sandbox) -> None:
    """A program that takes more memory than may be gets none."""
    assert "MemoryError" in python(limited, "bytearray(400 << 20)").complaints


def test_cpu_time_is_limited(limited: Sandbox) -> None:
    """A program that computes for ever is ended."""
    assert sh(limited, "exec sh -c 'while :; do :; done'").exit in {
        -signal.SIGXCPU, -signal.SIGKILL,
    }  # fmt: skip


def test_file_size_is_limited(limited: Sandbox) -> None:
    """A file cannot grow beyond its limit, nor be sparse beyond it."""
    assert sh(limited, "exec head -c 2M /dev/zero > /work/f").exit == -signal.SIGXFSZ
    assert sh(limited, "exec truncate -s 1T /work/g").exit != 0


def test_descriptors_are_limited(limited: Sandbox) -> None:
    """A program can have so many files open and no more."""
    code = "import os\nn = 0\nwhile True:\n  os.dup(0); n += 1; print(n, flush=True)"
    done = python(limited, code)
    assert "Too many open files" in done.complaints
    assert int(done.output.split()[-1]) < 32


@pytest.mark.parametrize("folder", ["/tmp", "/run", "/work"])
def test_disk_is_limited(limited: Sandbox, folder: str) -> None:
    """A writable folder takes so much and no more."""
    code = f"for i in 1 2 3 4 5 6; do head -c 900K /dev/zero > {folder}/$i || exit 9; done"
    done = sh(limited, code)
    assert done.exit == 9
    assert "No space left" in done.complaints


@pytest.mark.parametrize("folder", ["/tmp", "/run", "/work"])
def test_inodes_are_limited(limited: Sandbox, folder: str) -> None:
    """A writable folder takes so many files and no more."""
    done = sh(limited, f"cd {folder} && for i in $(seq 100); do : > f$i || exit 9; done")
    assert done.exit != 0
    assert "No space left" in done.complaints


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_limited(limited: Sandbox, stream: str) -> None:
    """A program that floods is stopped, and no more is kept than may be."""
    to = "" if stream == "stdout" else " >&2"
    done = sh(limited, f"exec yes{to}")
    assert done.flooded
    assert done.outcome == "was stopped, since it wrote more than may be kept"
    assert len(getattr(done, stream)) == limited.limits.output


def test_one_long_line_is_limited(limited: Sandbox) -> None:
    """A line without an end is kept to the limit like any other."""
    done = sh(limited, "exec tr '\\0' x < /dev/zero")
    assert done.flooded
    assert len(done.stdout) == limited.limits.output


# --- the end -----------------------------------------------------------------------------------


def test_a_child_that_holds_stdout_delays_nothing(sandbox: Sandbox) -> None:
    """A command that has exited is over, though its child keeps its output open."""
    with sandbox.start("sh", "-c", "sleep 600 & echo done") as process:
        done = process.wait(30)
    assert (done.exit, done.output) == (0, "done\n")


def test_what_ignores_all_signals_is_killed(sandbox: Sandbox) -> None:
    """A program that ignores what can be ignored, or has stopped itself, is gone afterwards."""
    with sandbox.start("sh", "-c", "trap '' INT TERM HUP QUIT; echo up; kill -STOP $$") as process:
        assert process.expect("up", within=10)
    wait_until(lambda: "STOP" not in sh(sandbox, "ps -eo args").output, within=10, what="its end")


def test_closing_kills_daemons(machine: Machine) -> None:
    """What has left its session and its parent dies with the sandbox."""
    before = descendants(os.getpid())
    with Sandbox(machine) as made:
        sh(made, "setsid sh -c 'sleep 98764 & sleep 98764' >/dev/null 2>&1 & exit 0")
        wait_until(
            lambda: sh(made, "pgrep -c sleep").output.strip() == "2", within=10, what="two sleeps"
        )
        namespace = sh(made, "readlink /proc/self/ns/net").output.strip()
    # a command's watcher, outside of the sandbox's processes, ends just after the command
    wait_until(
        lambda: all(namespace != _netns(pid) for pid in descendants(os.getpid()) - before),
        within=10,
        what="the end of all in the sandbox's network",
    )


def _netns(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def test_a_closed_sandbox_is_gone(machine: Machine) -> None:
    """In a sandbox that was closed nothing can be started."""
    with Sandbox(machine) as made:
        pass
    with pytest.raises(CallError):
        made.start("true")


def test_a_killed_client_leaves_nothing() -> None:
    """When the grader is killed, agent, sandboxes, daemons and helpers die with it."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", CLIENT], stdout=subprocess.PIPE, text=True, cwd=REPO
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline().strip().isdigit()
        mine = descendants(client.pid)
        assert len(mine) >= 5
        client.kill()
        client.wait()
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine),
            within=15,
            what="the end of all that the client had started",
        )


# --- beside ------------------------------------------------------------------------------------


def test_beside_is_invisible(sandbox: Sandbox) -> None:
    """A helper of the grader shares the network and is neither seen nor killed from inside."""
    code = (
        "import socket,time\ns=socket.create_server(('127.0.0.1',4242))\n"
        "print('up',flush=True)\nc=s.accept()[0]\nc.send(b'hello')\nc.close()\ntime.sleep(600)"
    )
    with sandbox.start_beside("python3", "-I", "-c", code) as helper:
        assert helper.expect("up", within=10)
        assert "4242" not in sh(sandbox, "ps -eo args").output
        sh(sandbox, "kill -9 -1")
        talk = "import socket; print(socket.create_connection(('127.0.0.1', 4242)).recv(9))"
        assert "hello" in python(sandbox, talk).output
        assert helper.so_far().exit is None


def test_beside_reads_other_files(sandbox: Sandbox) -> None:
    """What is put into the sandbox's folders is not what a helper sees there."""
    sh(sandbox, "echo forged > /tmp/x; echo forged > /work/x; echo forged > /run/x")
    with sandbox.start_beside("cat", "/tmp/x", "/work/x", "/run/x") as helper:
        assert "forged" not in helper.wait(10).output


def test_put_files(sandbox: Sandbox) -> None:
    """A file that is put inside has the bytes that it was given, whatever they are."""
    data = bytes(range(256)) * 300
    path = sandbox.put("a file", data)
    done = sandbox.run("sha256sum", path, timeout=5)
    assert done.output.split()[0] == hashlib.sha256(data).hexdigest()


def test_ctrl_c_reaches_the_foreground_group(sandbox: Sandbox) -> None:
    """With a terminal, Ctrl-C ends a script's foreground program as a person's would."""
    code = "trap 'echo caught' INT; sleep 600; echo after"
    with sandbox.start("bash", "-c", "echo up; " + code, terminal=True) as process:
        assert process.expect("up", within=10)
        wait_until(
            lambda: "sleep" in sh(sandbox, "ps -eo comm").output,
            within=10,
            what="the script's sleep",
        )
        process.interrupt()
        done = process.wait(15)
    assert done.output.split() == ["up", "caught", "after"]


def test_time_is_monotonic() -> None:
    """Waiting for what never comes ends by the monotonic clock, with what was awaited."""
    began = time.monotonic()
    with pytest.raises(TimedOut, match="the moon"):
        wait_until(lambda: False, within=0.01, what="the moon")
    assert time.monotonic() >= began + 0.01
