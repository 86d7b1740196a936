"""Has the system calls of a piece of work fail, each in turn and in every way: ptrace(2), x86-64.

The work is done by a process of its own each time, forked from one that has all ready.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TRACEME, PEEKUSER, POKEUSER, SYSCALL, SETOPTIONS = 0, 3, 6, 24, 0x4200
SYSGOOD, EXITKILL = 1, 1 << 20
AT_CALL = signal.SIGTRAP | 0x80
# Where struct user (sys/user.h) has the call's number and, when it has ended, its result.
NUMBER, RESULT = 15 * 8, 10 * 8
NAMES = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 6: "lstat", 8: "lseek",
    16: "ioctl", 72: "fcntl", 73: "flock", 74: "fsync", 76: "truncate", 77: "ftruncate",
    82: "rename", 83: "mkdir", 84: "rmdir", 87: "unlink", 89: "readlink", 90: "chmod",
    91: "fchmod", 217: "getdents64", 257: "openat", 262: "newfstatat", 263: "unlinkat",
    264: "renameat", 268: "fchmodat", 332: "statx",
}  # fmt: skip
CLOSE = 3  # lets go of the descriptor, whatever it says
MARK = 110  # getppid: called before and after the work, and by nobody else
KILL = "SIGKILL"
DONE, RAISED, BROKE = 0, 1, 2

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


@dataclass(frozen=True)
class Outcome:
    """What became of the work where one call failed: which, how, and what the work then said."""

    step: int
    call: str
    fault: str
    code: int  # negative: the signal that ended it
    said: str


def each_failing(work: Callable[[], object], faults: Sequence[str]) -> Iterator[Outcome]:
    """Do `work` again and again, with one more fault each time, until all its calls had theirs."""
    for fault in faults:
        step, failed = 0, True
        while failed:
            step += 1
            call, code, said = _run(work, step, fault)
            failed = bool(call)
            if failed:
                yield Outcome(step, call, fault, code, said)
            elif code != DONE:
                raise AssertionError(f"without any fault: {said}")


def _run(work: Callable[[], object], step: int, fault: str) -> tuple[str, int, str]:
    """Do it with a fault in its call number `step`; which call that was, how it ended."""
    near, far = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(near)
        _child(work, far)
    os.close(far)
    with os.fdopen(near, "rb") as said:
        os.waitpid(pid, 0)
        _ptrace(SETOPTIONS, pid, 0, SYSGOOD | EXITKILL)
        call, status = _follow(pid, step, fault)
        return call, os.waitstatus_to_exitcode(status), said.read().decode()


def _child(work: Callable[[], object], far: int) -> None:
    code, said = DONE, ""
    _ptrace(TRACEME, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        try:
            os.getppid()
            work()
        finally:
            os.getppid()
    except OSError as error:
        code, said = RAISED, str(error)
    except BaseException as error:
        code, said = BROKE, repr(error)
    os.write(far, said.encode(errors="replace"))
    os._exit(code)


def _follow(pid: int, step: int, fault: str) -> tuple[str, int]:
    """Let a traced process run to its end, but for the fault; which call had it."""
    inside, within_call, count, failed, pending = False, False, 0, "", False
    while True:
        _ptrace(SYSCALL, pid, 0, 0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return failed, status
        if os.WSTOPSIG(status) != AT_CALL:
            continue
        within_call = not within_call
        if not within_call:
            if pending:
                _ptrace(POKEUSER, pid, RESULT, -getattr(errno, fault))
            pending = False
            continue
        number = _ptrace(PEEKUSER, pid, NUMBER, 0)
        inside ^= number == MARK
        count += inside and number in NAMES
        if inside and number in NAMES and count == step and not failed:
            failed = NAMES[number]
            if fault == KILL:
                os.kill(pid, signal.SIGKILL)
                return failed, os.waitpid(pid, 0)[1]
            pending = True
            if number != CLOSE:
                _ptrace(POKEUSER, pid, NUMBER, -1)


def _ptrace(request: int, pid: int, place: int, data: int) -> int:
    ctypes.set_errno(0)
    found: int = libc.ptrace(request, pid, place, data)
    if found == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request}")
    return found
