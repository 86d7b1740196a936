"""A container that an engine has made: adopted, its first process told what to start.

What it still lacks to be like a sandbox of our own is mounted before anything runs in it: the
image's own names of hosts in place of the engine's, and the sysctls of its network. All rights that
this takes are the machine's, never the container's.
"""

import contextlib
import json
import os
import select
import socket
import threading
import time
from typing import Any

from . import namespaces as ns
from .first import ADDRESS
from .processes import Processes
from .zygote import MAX_ORDER, Zygote

WITHIN = 10.0
# Where the agent's own code is: this module's archive.
ARCHIVE = __file__.partition(".zip")[0] + ".zip"
# Docker mounts files of its own over some in /etc, which it also empties: the image has them in
# /machine, too. It makes /proc/sys read-only, leaves /dev writable, and switches IPv6 off. And sudo
# complains that it has no right to the kernel's audit log, which is not there in other sandboxes.
LIKE_A_SANDBOX = """
set -e
mount() { busybox mount "$@"; } # util-linux's leaves a file in /run
for file in /machine/*; do
    mount -o bind "$file" "/etc/${file##*/}"
done
mount -o bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw,nosuid,nodev,noexec /proc/sys/net
mount -o remount,size=64k,nr_inodes=128 /dev
rules=$(cat /etc/sudoers.d/*)
mount -t tmpfs -o size=64k,mode=755 rules /etc/sudoers.d
printf '%s\nDefaults !log_allowed, !log_denied\n' "$rules" >/etc/sudoers.d/rules
chmod 440 /etc/sudoers.d/rules
mount -o remount,ro rules /etc/sudoers.d
for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
    [ ! -e "$file" ] || echo 0 >"$file"
done
"""


class Container:
    """The namespaces of one container, held by its first process."""

    def __init__(self, pid: int, zygote: Zygote, processes: Processes) -> None:
        """`pid` is the first process, which executes first.BOOTSTRAP. Raises OSError."""
        with contextlib.ExitStack() as undo:
            self.pid = pid
            self.pidfd = os.pidfd_open(pid)
            undo.callback(os.close, self.pidfd)
            self.netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            undo.callback(os.close, self.netns)
            self._orders = self._connect()
            undo.callback(self._orders.close)
            self._prepare(processes)
            undo.pop_all()
        self._ordering = threading.Lock()
        self.order_beside = zygote.into([(self.pidfd, self._network())])

    def order(self, spec: dict[str, Any], fds: list[int]) -> None:
        """Have a process started inside. Raises OSError if the container has ended."""
        # The engine has bounded the capabilities, and nothing here has the right to do so again.
        self._send({"kind": "process", **spec, "capabilities": None}, fds)

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a process group inside, by the number that it has there."""
        with contextlib.suppress(OSError):  # the container's end was theirs too
            self._send({"kind": "signal", "pid": pid, "number": number}, [])

    def close(self) -> None:
        """End the first process, and with it all that runs inside; wait until it is gone."""
        self._orders.close()
        self._ended(WITHIN)
        os.close(self.pidfd)
        os.close(self.netns)

    def _send(self, order: dict[str, Any], fds: list[int]) -> None:
        with self._ordering:
            socket.send_fds(self._orders, [json.dumps(order).encode()], fds)

    def _ended(self, within: float) -> bool:
        """Wait for the first process's end, at most `within` seconds; whether it has come."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def _network(self) -> int:
        """What of its namespaces to join for its network; a remapped engine's have their users."""
        own, its = (os.readlink(f"/proc/{who}/ns/user") for who in ("self", self.pid))
        return ns.CLONE_NEWNET | (0 if own == its else ns.CLONE_NEWUSER)

    def _connect(self) -> socket.socket:
        """Reach the first process, give it the agent's code, wait until it serves."""
        connected: list[socket.socket] = []

        def reach() -> None:  # a thread of its own, so that the network is left with it
            ns.setns(self.netns, ns.CLONE_NEWNET)
            connected.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            connected[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_ORDER)
            connected[0].settimeout(WITHIN)
            end = time.monotonic() + WITHIN
            while connected[0].connect_ex(ADDRESS):  # until it has started
                if self._ended(0.002) or time.monotonic() > end:
                    connected.pop().close()
                    return

        thread = threading.Thread(target=reach)
        thread.start()
        thread.join()
        if not connected:
            raise OSError("the container's first process has ended or cannot be reached")
        with open(ARCHIVE, "rb") as archive:
            socket.send_fds(connected[0], [b"c"], [archive.fileno()])
        if connected[0].recv(16) != b"ready":
            connected[0].close()
            raise OSError("the container's first process ended at its start")
        connected[0].settimeout(None)
        return connected[0]

    def _prepare(self, processes: Processes) -> None:
        """Mount what is to be otherwise, by programs of the image, before others run there."""
        # Of the process namespace too: there /proc/self is whoever asks.
        join = [(self.pidfd, ns.CLONE_NEWNS | ns.CLONE_NEWPID | ns.CLONE_NEWNET)]
        argv = ["/bin/sh", "-c", LIKE_A_SANDBOX]
        started = processes.start_as_root(argv, join, env={}, output_limit=4096, stdin=None)
        processes.call_settle(started.number, WITHIN)
        done = processes.call_finish(started.number)
        if done["exit"] != 0:
            said = done["stderr"].decode(errors="replace").strip()
            raise OSError(f"the container could not be prepared: {said or done['error'] or done}")
