"""Defences of the sandbox itself, tried from inside."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING

import pytest

from defences import Defence, agent
from grader.deadline import TimedOut, wait_until
from grader.errors import GraderError
from grader.machine import idmap, local
from grader.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from defences import Attack, Removal, Setting
    from grader.machine.process import Completed

MIB = 1024 * 1024
PATIENCE_S = 6.0
TIGHT = Limits(
    processes=24, memory=256 * MIB, cpu_s=1, output=64 * 1024,
    file_size=MIB, descriptors=32, disk=4 * MIB, inodes=64,
)  # fmt: skip
LIMITS, SANDBOXES = "grader.sandbox.limits:Limits", "test_sandbox.py::test_"
AGENT = "grader.machine.agent."
FORKS = "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done"
OPENS = "import os; [os.dup(0) for _ in range(100)]; print('had')"
COMPUTES = "import time\nwhile time.process_time() < 3: pass\nprint('had')"
# As another user, which sudo lets be root without a password.
ESCALATES = """
import os
os.setgid(1000)
os.setuid(1000)
os.execvp('sudo', ['sudo', '-n', 'sh', '-c', ':'])
"""
LISTENS = """
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind('\\0netlab-defence')
listener.listen()
print('up', flush=True)
listener.accept()[0].send(b'had')
"""
CONNECTS = """
import socket
client = socket.socket(socket.AF_UNIX)
client.connect('\\0netlab-defence')
print(client.recv(9).decode())
"""
IGNORES = "trap '' INT TERM HUP; echo up; while :; do sleep 60; done"
# What a machine without process namespaces of its sandboxes' own can mount as their /proc.
SHARED_PROCESSES = """
ALL_BUT_USER &= ~CLONE_NEWPID
_mount = mount
def mount(source, target, kind="", flags=0, data=""):
    if kind == "proc":
        return _mount("/proc", target, flags=MS_BIND | MS_REC)
    return _mount(source, target, kind, flags, data)
"""
# A machine's root is then a layer of memory over the image, which itself nobody writes to.
LAYERED = """
from grader.machine.agent import namespaces as ns
enter_root, bind = ns.enter_root, ns.bind
def layered(image, **options):
    ns.mount("none", "/", flags=ns.MS_REC | ns.MS_PRIVATE)
    ns.mount("tmpfs", image + "/mnt", "tmpfs")
    for name in ("upper", "work"):
        os.mkdir(image + "/mnt/" + name)
    layers = f"lowerdir={image},upperdir={image}/mnt/upper,workdir={image}/mnt/work,userxattr"
    ns.mount("overlay", image, "overlay", data=layers)
    enter_root(image, **options)
import os
ns.enter_root = layered
ns.bind = lambda source, target, read_only=False: bind(source, target)
"""


def runs(*argv: str) -> Attack:
    """The attack that is a program in a sandbox of tight limits; it says what it has had."""

    def attack(setting: Setting) -> str:
        with setting.machine() as machine, Sandbox(machine, TIGHT) as sandbox:
            return had(sandbox.run(*argv, timeout=30))

    return attack


def had(done: Completed) -> str:
    """What an attack says to have got."""
    return done.output.strip() if done.exit == 0 else ""


def python(code: str) -> Attack:
    """The attack that is a Python program."""
    return runs("python3", "-I", "-c", code)


def sh(code: str) -> Attack:
    """The attack that is a shell script."""
    return runs("sh", "-c", code)


def floods(setting: Setting) -> str:
    """Write a MiB to standard output."""
    with setting.machine() as machine, Sandbox(machine, TIGHT) as sandbox:
        kept = len(sandbox.run("head", "-c", "1M", "/dev/zero", timeout=30).stdout)
    return f"{kept:,} bytes are kept" if kept > TIGHT.output else ""


def outlives_its_time(setting: Setting) -> str:
    """Ignore what asks for an end."""
    with setting.machine() as machine, Sandbox(machine, TIGHT) as sandbox:
        started = sandbox.start("sh", "-c", IGNORES)
        if not started.expect("up", within=20):
            raise GraderError(f"the attack {started.so_far().outcome}")
        started.finish(0.1)
        try:
            wait_until(sandbox.idle, within=5, what="its end")
        except TimedOut:
            return "it runs on when its time is over"
    return ""


def holds_its_output(setting: Setting) -> str:
    """Exit while a child keeps the output open."""
    with setting.machine() as machine, Sandbox(machine, TIGHT) as sandbox:
        started = sandbox.start("sh", "-c", "sleep 31339 &")
        began = time.monotonic()
        started.finish(PATIENCE_S)
        waited = time.monotonic() - began
    return "it is waited for as long as may be" if waited >= PATIENCE_S else ""


def outlives_its_sandbox(setting: Setting) -> str:
    """Leave a daemon behind."""
    with setting.machine() as machine:
        with Sandbox(machine, TIGHT) as sandbox:
            daemon = "setsid sleep 31337 >/dev/null 2>&1 &"
            sandbox.run("sh", "-c", daemon, timeout=10)
        return "a daemon is left" if had(machine.run("pgrep", "-x", "sleep", timeout=10)) else ""


def reaches_the_machine(setting: Setting) -> str:
    """Connect to an abstract socket of the machine's."""
    with setting.machine() as machine, machine.start("python3", "-I", "-c", LISTENS) as server:
        if not server.expect("up", within=20):
            raise GraderError(f"the server {server.so_far().outcome}")
        with Sandbox(machine, TIGHT) as sandbox:
            done = sandbox.run("python3", "-I", "-c", CONNECTS, timeout=10)
    return "a server of the machine's answers" if had(done) else ""


def reads_the_machines_files(setting: Setting) -> str:
    """Read what the machine has in a folder that a sandbox has of its own."""
    with setting.machine() as machine:
        machine.call("files.write", files={"secret": b"had"})
        with Sandbox(machine, TIGHT) as sandbox:
            done = sandbox.run("cat", "/run/netlab/secret", timeout=10)
    return "a file of the machine's is read" if had(done) else ""


def alters_the_image(setting: Setting) -> str:
    """Put a file where the next submission finds it, through a link as a script would."""
    script = "ln -s /etc/planted /tmp/output && echo had >/tmp/output"
    with setting.machine() as machine:
        with Sandbox(machine, TIGHT) as sandbox:
            sandbox.run("sh", "-c", script, timeout=10)
        with Sandbox(machine, TIGHT) as other:
            done = other.run("cat", "/etc/planted", timeout=10)
    return "the next sandbox has a file of this one's in /etc" if had(done) else ""


def signals_our_helper(setting: Setting) -> str:
    """Kill a program of the grader's beside the sandbox."""
    with (
        setting.machine() as machine,
        Sandbox(machine, TIGHT) as sandbox,
        sandbox.start_beside("sleep", "31338"),
    ):
        done = sandbox.run("pkill", "-KILL", "-x", "sleep", timeout=10)
    return "a program of ours is killed" if done.exit == 0 else ""


def reads_our_environment(setting: Setting) -> str:
    """Look for a variable that only the grader has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETLAB_SECRET", "s")
        return "a secret of the grader's is read" if sh("echo $NETLAB_SECRET")(setting) else ""


def no_rlimit(name: str) -> Removal:
    """Take away one of the limits of each process."""
    all_of_them = Limits.of_a_process

    def fewer(limits: Limits) -> dict[str, int]:
        return {one: most for one, most in all_of_them(limits).items() if one != name}

    return lambda patch: patch.setattr(Limits, "of_a_process", fewer)


def no_option(name: str) -> Removal:
    """Take away one of the limits of writable folders."""
    all_of_them = Limits.of_folders

    def fewer(limits: Limits) -> dict[str, str]:
        folders = all_of_them(limits).items()
        kept = {place: options.split(",") for place, options in folders}
        return {
            place: ",".join(one for one in options if not one.startswith(name))
            for place, options in kept.items()
        }

    return lambda patch: patch.setattr(Limits, "of_folders", fewer)


def entering(code: str) -> Removal:
    """Have the program that enters a machine's namespaces execute `code` first."""
    first, last = idmap.ENTER.split("from grader.machine.enter")
    changed = f"{first}exec({code!r});from grader.machine.enter{last}"
    return lambda patch: patch.setattr(idmap, "ENTER", changed)


def writable_root(patch: pytest.MonkeyPatch) -> None:
    """Bind neither the machine's nor a sandbox's root read-only."""
    entering(LAYERED)(patch)
    writable = "_bind = bind\ndef bind(source, target, *, read_only=False): _bind(source, target)"
    agent("namespaces", writable)(patch)


def inherited_environment(patch: pytest.MonkeyPatch) -> None:
    """Hand it on at all three stations: the machine's start, its root, a process's start."""
    popen = local.subprocess.Popen

    def inheriting(*args: object, env: object, **options: object) -> object:
        return popen(*args, env=dict(os.environ), **options)  # type: ignore[call-overload]

    patch.setattr(local.subprocess, "Popen", inheriting)
    entering("import os; from grader.machine import enter; enter.ENVIRONMENT = os.environ")(patch)
    agent("processes", "ENVIRONMENT = dict(os.environ)")(patch)


def helpers_inside(patch: pytest.MonkeyPatch) -> None:
    """Start our programs in the sandbox, not beside it."""
    patch.setattr(Sandbox, "start_beside", Sandbox.start)


ALL = (
    Defence(
        "a limit of processes for each sandbox", (1,), AGENT + "zygote:_watch_sandbox",
        SANDBOXES + "processes_are_limited", sh(f"{FORKS}; echo 40 processes at once"),
        agent("zygote", "_set = resource.setrlimit\nresource.setrlimit = lambda name, pair: "
              "name == resource.RLIMIT_NPROC or _set(name, pair)"),
    ),
    Defence(
        "a limit of each process's memory", (2,), LIMITS + ".of_a_process",
        SANDBOXES + "memory_is_limited",
        python("import mmap; mmap.mmap(-1, 400 << 20); print('400 MiB in one process')"),
        no_rlimit("AS"),
    ),
    Defence(
        "sizes of writable folders", (3,), LIMITS + ".of_folders", SANDBOXES + "disk_is_limited",
        sh(
            "for i in 1 2 3 4 5 6; do head -c 900K /dev/zero >$i || exit; done; "
            "echo 5 MiB in a folder of 4"
        ),
        no_option("size"),
    ),
    Defence(
        "numbers of files in writable folders", (4,), LIMITS + ".of_folders",
        SANDBOXES + "inodes_are_limited",
        sh("for i in $(seq 100); do : >$i || exit; done; echo 100 files where 64 may be"),
        no_option("nr_inodes"),
    ),
    Defence(
        "a limit of a file's size", (5,), LIMITS + ".of_a_process",
        SANDBOXES + "file_size_is_limited",
        sh("truncate -s 1T sparse && stat -c '%s bytes in one file' sparse"), no_rlimit("FSIZE"),
    ),
    Defence(
        "a limit of what is kept of a program's output", (6, 7, 8), AGENT + "processes:Stream.add",
        SANDBOXES + "output_is_limited", floods,
        agent("processes", "Stream.add = lambda self, chunk: self.data.extend(chunk) or True"),
    ),
    Defence(
        "a limit of descriptors", (9,), LIMITS + ".of_a_process",
        SANDBOXES + "descriptors_are_limited", python(OPENS.replace("had", "100 files open")),
        no_rlimit("NOFILE"),
    ),
    Defence(
        "a limit of processor time", (10,), LIMITS + ".of_a_process",
        SANDBOXES + "cpu_time_is_limited", python(COMPUTES.replace("had", "3 s where 1 s may be")),
        no_rlimit("CPU"),
    ),
    Defence(
        "what is over time is killed, not asked", (10, 11, 40),
        AGENT + "processes:Processes.call_forget", SANDBOXES + "what_ignores_all_signals_is_killed",
        outlives_its_time,
        agent("processes", "_signal = Process.signal\nProcess.signal = lambda self, number: "
              "_signal(self, signal.SIGTERM if number == signal.SIGKILL else number)"),
    ),
    Defence(
        "an exit is an end, whoever holds the output", (13,), AGENT + "processes:Process.collect",
        SANDBOXES + "a_child_that_holds_stdout_delays_nothing", holds_its_output,
        agent("processes", "DRAIN_S = 1e9"),
    ),
    Defence(
        "a process namespace, whose end is that of all in it", (12,),
        AGENT + "namespaces:ALL_BUT_USER", SANDBOXES + "closing_kills_daemons",
        outlives_its_sandbox, agent("namespaces", SHARED_PROCESSES),
    ),
    Defence(
        "a network namespace", (30, 31, 32, 33, 34), AGENT + "namespaces:ALL_BUT_USER",
        SANDBOXES + "no_abstract_socket_of_the_host_is_reached", reaches_the_machine,
        agent("zygote", "ns.ALL_BUT_USER &= ~ns.CLONE_NEWNET\ndef _loopback_up(): pass"),
    ),
    Defence(
        "a root of its own, with fresh folders", (27, 52), AGENT + "namespaces:enter_root",
        SANDBOXES + "fresh_folders", reads_the_machines_files,
        agent("namespaces", "def enter_root(image, *, tmpfs, binds=None): pass"),
    ),
    Defence(
        "a root that is read-only", (16,), AGENT + "namespaces:bind",
        SANDBOXES + "the_root_is_read_only", alters_the_image, writable_root,
    ),
    Defence(
        "five capabilities and no more", (35, 42, 43), AGENT + "namespaces:keep_capabilities",
        SANDBOXES + "exactly_five_capabilities",
        sh("mount -t tmpfs none /mnt && echo a file system is mounted"),
        agent("namespaces", "def keep_capabilities(kept): pass"),
    ),
    Defence(
        "no new privileges", (42,), AGENT + "zygote:execute", SANDBOXES + "no_new_privileges",
        sh(f"python3 -c {shlex.quote(ESCALATES)} && echo a user is root by sudo"),
        agent("namespaces", "_prctl = prctl\nprctl = lambda option, value=0: "
              "option == PR_SET_NO_NEW_PRIVS or _prctl(option, value)"),
    ),
    Defence(
        "an environment of eight neutral names", (50, 54), "grader.machine.enter:ENVIRONMENT",
        SANDBOXES + "clear_environment", reads_our_environment, inherited_environment,
    ),
    Defence(
        "our programs run beside the sandbox", (47, 48, 50), "grader.sandbox:Sandbox.start_beside",
        SANDBOXES + "beside_is_invisible", signals_our_helper, helpers_inside,
    ),
)  # fmt: skip
