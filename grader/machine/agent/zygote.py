"""The process that forks all others: single-threaded, so that a fork is safe, and without secrets.

The agent has threads and may not fork; it orders processes from the zygote over a socket, with
the file descriptors that they need. Each process gets a watcher that waits for it and writes
lines of JSON to a status pipe: {"pid": N}, then {"exit": CODE} (negative: killed by that signal),
or {"error": REASON} when it could not start.
"""

import array
import fcntl
import gc
import json
import os
import resource
import signal
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import namespaces as ns
from .users import Users, map_ids

# Has a process made of what is said about it and its descriptors, of which the first is its status.
Order = Callable[[dict[str, Any], list[int]], None]

MAX_ORDER = 1 << 20
MAX_FDS = 16
# For want of memory the kernel is to kill what a submission runs before all others (proc(5)).
RATHER_KILLED, AS_EVER = b"500", b"0"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


class Zygote:
    """The agent's end: orders processes. One order at a time; `order` holds no lock for long.

    `users` says who the sandboxes' users are.
    """

    def __init__(self, users: Users) -> None:
        self.users = users
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_ORDER)
        if os.fork() == 0:
            self._socket.close()
            _serve(theirs)
        theirs.close()

    def order(self, kind: str, spec: dict[str, Any], fds: list[int]) -> None:
        """Have a process made; `fds[0]` is its status pipe. The caller closes its own copies."""
        try:
            socket.send_fds(self._socket, [json.dumps({"kind": kind, **spec}).encode()], fds)
        except (BrokenPipeError, ConnectionResetError):
            # It was killed from outside. Nothing can run here any more: better to have it seen
            # that this machine is gone, so that another is started.
            os._exit(1)

    def make_sandbox(self, spec: dict[str, Any], status: int) -> None:
        """Have a sandbox made; `status` is as for any process. The caller closes its own copy."""
        self.order("sandbox", spec, [status, *(fd for fd, _ in self.users.join)])

    def into(self, join: list[tuple[int, int]]) -> Order:
        """Orders processes in the namespaces `join`, pairs of descriptor and setns(2) flags."""
        joined, flags = [fd for fd, _ in join], [flag for _, flag in join]
        return lambda spec, fds: self.order("process", {**spec, "join": flags}, [*fds, *joined])


def _serve(orders: socket.socket) -> None:
    """Fork a watcher for every order, until the agent is gone."""
    ns.prctl(ns.PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.freeze()  # a collection in a child would copy every page that it marks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # watchers need no wait
    makers: dict[str, Callable[[dict[str, Any], list[int]], None]] = {
        "process": _watch_process,
        "sandbox": _watch_sandbox,
    }
    while True:
        data, fds, _, _ = socket.recv_fds(orders, MAX_ORDER, MAX_FDS)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            spec = json.loads(data)
            try:
                makers[spec["kind"]](spec, fds)
            except Exception as error:
                tell(fds[0], error=f"{type(error).__name__}: {error}")
            os._exit(0)
        for fd in fds:
            os.close(fd)


def tell(status: int, **fact: object) -> None:
    """Write a fact about a process to its status pipe."""
    os.write(status, json.dumps(fact).encode() + b"\n")


def _watch_process(spec: dict[str, Any], fds: list[int]) -> None:
    """Start a process where `spec` says, then wait for it.

    fds: status, stdin, stdout, stderr, then one per item of spec["join"] (flags of setns(2)).
    """
    status, *stdio = fds[:4]
    for fd in fds:
        os.set_inheritable(fd, False)
    wanted = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    for fd, flags in zip(fds[4:], spec["join"], strict=True):
        ns.setns(fd, flags)
    if spec["uid_root"] is not None:
        _become(spec["uid_root"], spec["uid_root"])
    if spec["rather_killed"]:  # once without the right to do so, else there is no way back
        os.write(wanted, RATHER_KILLED)
    child = os.fork()
    if child == 0:
        try:
            execute(spec, stdio)
        except Exception as error:
            tell(status, error=f"{spec['argv'][0]}: {error}")
        os._exit(127)
    os.write(wanted, AS_EVER)
    for fd in stdio:
        os.close(fd)
    tell(status, pid=child)
    _, code = os.waitpid(child, 0)
    tell(status, exit=os.waitstatus_to_exitcode(code))


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def execute(spec: dict[str, Any], stdio: list[int]) -> None:
    """In the new process: standard streams, limits, user, and the program."""
    os.setsid()
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)
    if spec["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(spec["cwd"])
    os.umask(0o022)
    # What Python, the agent or whoever started it ignores would stay so over execve(2).
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    for name, value in spec["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if spec["capabilities"] is not None:
        ns.keep_capabilities(frozenset(spec["capabilities"]))
        ns.prctl(ns.PR_SET_NO_NEW_PRIVS, 1)
    if spec["user"] is not None:
        uid, gid = spec["user"]
        _become(uid, gid)
    os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606


def _watch_sandbox(spec: dict[str, Any], fds: list[int]) -> None:
    """Make a sandbox's namespaces and its first process, then wait for it.

    fds: status, and the user namespace to make it in, if it is another. The sandbox's own is made
    by an id of its own, since the kernel charges RLIMIT_NPROC of all processes in it to that id
    (user_namespaces(7), kernel/ucount.c): the limit then counts this sandbox only.
    """
    status, *users = fds
    for fd in users:
        ns.setns(fd, ns.CLONE_NEWUSER)
    unshared_read, unshared_write = os.pipe()
    mapper = os.fork()
    if mapper == 0:  # who may: a sandbox's ids are the same as in the namespace around it
        os.close(unshared_write)
        if os.read(unshared_read, 1):
            map_ids(os.getppid(), 0)
        os._exit(0)
    limit = spec["processes"]
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    os.setresgid(spec["creator"], spec["creator"], 0)
    os.setresuid(spec["creator"], spec["creator"], 0)
    ns.unshare(ns.CLONE_NEWUSER)
    os.write(unshared_write, b"u")
    os.waitpid(mapper, 0)
    for fd in (unshared_read, unshared_write, *users):
        os.close(fd)
    _become(0, 0)
    ns.unshare(ns.ALL_BUT_USER)
    child = os.fork()
    if child == 0:
        try:
            _be_first(spec, status)
        except Exception as error:
            tell(status, error=f"{type(error).__name__}: {error}")
        os._exit(1)
    tell(status, pid=child)
    _, code = os.waitpid(child, 0)
    tell(status, exit=os.waitstatus_to_exitcode(code))


def _be_first(spec: dict[str, Any], status: int) -> None:
    """As a sandbox's process 1: make its root, say ready, then only reap."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    os.setsid()
    ns.enter_root(spec["image"], tmpfs=spec["tmpfs"])
    socket.sethostname(spec["hostname"])
    _loopback_up()
    tell(status, ready=True)
    os.closerange(0, 256)
    while True:
        signal.sigwait({signal.SIGCHLD})
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = array.array("B", struct.pack("16sH14x", b"lo", 0))
        fcntl.ioctl(control, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("16xH", request)[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
