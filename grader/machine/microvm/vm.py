"""A machine that is a QEMU guest: a kernel of its own, at the other end of a virtio port."""

from __future__ import annotations

import io
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from grader.disposable import Disposable
from grader.machine.client import Machine, MachineError, ship_agent
from grader.machine.patience import waited_by_threads_s

if TYPE_CHECKING:
    from grader.machine.microvm.qemu import Qemu


class MicroVM(Machine, Disposable):
    """A guest with an agent. It dies with its owner, whatever way that ends."""

    patience = 4.0  # its own processors are what is seen waiting

    def __init__(self, qemu: Qemu) -> None:
        """Take over `qemu`, in which an agent serves or a BOOTSTRAP waits for `boot`."""
        self._qemu = qemu
        writer = cast("BinaryIO", _Writer(qemu.agent))
        self._streams = cast("BinaryIO", qemu.agent.makefile("rb")), writer
        super().__init__(*self._streams)

    def boot(self, within: float) -> None:
        """Give a guest that starts its agent, and wait until it serves. Raises MachineError."""
        try:
            ship_agent(self._streams[1])
        except OSError as error:
            raise MachineError(f"the agent was not taken: {error}{self.why_gone()}") from error
        self.ready(within)

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._qemu.pid

    def kept_waiting_s(self) -> float:
        """For how long the guest's processors have waited for this host's, added up."""
        return waited_by_threads_s(self.pid)

    def why_gone(self) -> str:
        """Whether QEMU has ended, and the end of the guest's serial log."""
        state = "has ended" if self._qemu.ends() else "still runs"
        said = self._qemu.last_words() or "(nothing)"
        return f"; QEMU {state}, and this is the end of the microVM's serial log:\n{said}"

    def close(self) -> None:
        """Kill the guest and with it all that runs in it."""
        self._qemu.close()
        self.join(5)  # a stream that a thread reads cannot be closed
        for stream in self._streams:
            stream.close()


class _Writer(io.RawIOBase):
    """The way to the agent. A guest that takes nothing any more has half a message: it is cut."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self._socket.sendall(data)
        except OSError as error:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if isinstance(error, BlockingIOError):  # SO_SNDTIMEO
                raise ConnectionAbortedError("the guest takes nothing any more") from None
            raise
        return len(data)
