"""The agent: answers calls that come over a byte stream, each in a thread of its own.

A call is {"id", "call": "part.method", "args"}; the answer {"id", "result"} or {"id", "error"}.
When the stream ends, so does the agent, and with it, being first in its process namespace, all.
"""

import os
import signal
import sys
import threading
import traceback
from typing import Any

from .captures import Captures
from .files import Files
from .filters import Filters
from .kernel_log import KernelLog
from .meters import Meters
from .network import Network
from .processes import Processes
from .sandboxes import IMAGE, Sandboxes
from .system import System
from .terminals import Terminals
from .users import Users
from .wire import Channel
from .zygote import Zygote


class Agent:
    """The parts of the agent, by the names that calls use."""

    def __init__(self, zygote: Zygote) -> None:
        self.processes = Processes(zygote)
        self.sandboxes = Sandboxes(zygote, self.processes)
        self.network = Network(self.sandboxes, self.processes)
        self.captures = Captures(self.network)
        self.terminals = Terminals(zygote, self.sandboxes, self.network)
        self.filters = Filters()
        self.files = Files()
        self.system = System()
        self.kernel_log = KernelLog()
        self.meters = Meters()

    def answer(self, call: str, args: dict[str, Any]) -> object:
        """Do what `call` names. Raises LookupError for a name that is none."""
        part, _, method = call.partition(".")
        function = getattr(getattr(self, part, None), f"call_{method}", None)
        if function is None:
            raise LookupError(f"the agent has no call {call!r}")
        result: object = function(**args)
        return result


def serve(channel: Channel, zygote: Zygote) -> None:
    """Answer calls until the stream ends."""
    agent = Agent(zygote)

    def answer(message: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"id": message["id"]}
        try:
            reply["result"] = agent.answer(message["call"], message["args"])
        except Exception as error:
            reply["error"] = f"{type(error).__name__}: {error}"
            reply["traceback"] = traceback.format_exc()
        channel.send(reply)

    while (message := channel.receive()) is not None:
        threading.Thread(target=answer, args=(message,), daemon=True).start()


def main(*, own_kernel: bool) -> None:
    """Serve on standard input and output; print nothing else.

    With its `own_kernel`, the machine's root is that kernel's, and sandboxes must have another.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as process 1, let the kernel reap
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    zygote = Zygote(Users.apart(IMAGE) if own_kernel else Users())
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    serve(Channel(stdin, stdout), zygote)
    sys.stderr.flush()
    os._exit(0)
