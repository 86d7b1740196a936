"""The first process of a container: forks the submission's processes, and knows nothing else.

It takes the zygote's orders, with the descriptors that go with them, from the agent outside, and
answers on the same pipes; all that is watched and kept stays there. It is alone in the container,
since what a submission may kill (kill -9 -1) must not be needed; the kernel shields process 1 of
a process namespace from all inside (pid_namespaces(7)), and a root without SYS_PTRACE from one
that is not dumpable (ptrace(2)). When the agent goes, so does the container.
"""

import json
import os
import select
import signal
import socket
from contextlib import suppress
from typing import Any

from . import namespaces as ns
from .zygote import MAX_FDS, MAX_ORDER, RATHER_KILLED, execute, tell

# Executed by the container's Python: wait for the agent on a socket of the container's network,
# where nothing of a submission runs yet, and take from it the agent's code, as a descriptor.
BOOTSTRAP = (
    "import socket,sys;"
    "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET);s.bind('\\0netlab');s.listen();"
    "orders=s.accept()[0];s.close();"
    "code=socket.recv_fds(orders,1,1)[1][0];"
    "sys.path.insert(0,f'/proc/self/fd/{code}');"
    "from agent.first import serve;serve(orders,code)"
)
ADDRESS = "\0netlab"


def serve(orders: socket.socket, code: int) -> None:
    """Fork and reap until the agent is gone; `code` is the archive that this came from."""
    os.close(code)
    ns.prctl(ns.PR_SET_DUMPABLE, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended, woken = os.pipe()
    for fd in (ended, woken):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}
    awaited: list[Any] = [orders, ended]
    orders.send(b"ready")
    while True:
        readable = select.select(awaited, [], [])[0]
        if ended in readable:
            os.read(ended, 4096)
            _reap(children)
        if orders in readable:
            data, fds, _, _ = socket.recv_fds(orders, MAX_ORDER, MAX_FDS)
            if not data:
                os._exit(0)
            _obey(json.loads(data), fds, children)


def _obey(order: dict[str, Any], fds: list[int], children: dict[int, int]) -> None:
    """Start a process, whose status pipe is the first of `fds`; or signal a group of them."""
    if order["kind"] == "signal":
        if order["pid"] in children:  # a number that was reaped may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(order["pid"], order["number"])
        return
    status, *stdio = fds
    for fd in fds:
        os.set_inheritable(fd, False)
    try:
        child = os.fork()
    except OSError as error:
        tell(status, error=f"{order['argv'][0]}: {error}")
        child = -1
    if child == 0:
        _start(order, status, stdio)
    for fd in stdio:
        os.close(fd)
    if child < 0:
        os.close(status)
    else:
        tell(status, pid=child)
        children[child] = status


def _start(order: dict[str, Any], status: int, stdio: list[int]) -> None:
    try:
        signal.set_wakeup_fd(-1)
        with open("/proc/self/oom_score_adj", "wb") as file:
            file.write(RATHER_KILLED)
        execute(order, stdio)
    except Exception as error:
        tell(status, error=f"{order['argv'][0]}: {error}")
    os._exit(127)


def _reap(children: dict[int, int]) -> None:
    """Tell the ends of processes; what others left behind is reaped too."""
    with suppress(ChildProcessError):
        while True:
            pid, code = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            status = children.pop(pid, None)
            if status is not None:
                tell(status, exit=os.waitstatus_to_exitcode(code))
                os.close(status)
