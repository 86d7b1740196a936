"""A machine as its owner sees it: calls go over a byte stream to the agent that runs there."""

import io
import itertools
import threading
import zipfile
from collections.abc import Mapping
from concurrent.futures import Future
from importlib import resources
from typing import Any, BinaryIO

from grader.errors import GraderError
from grader.machine.agent.wire import Channel, WireError
from grader.machine.patience import waited_for_processors_s
from grader.machine.process import Completed, Process

# Executed by the machine's Python: take the agent's code from the stream, then serve on it. The
# argument OWN_KERNEL says that it is the root of a kernel that is for this machine alone.
OWN_KERNEL = "own-kernel"
BOOTSTRAP = (
    "import os,sys;"
    "n=int(sys.stdin.buffer.raw.read(12));"
    "b=b'';\nwhile len(b)<n: b+=os.read(0,n-len(b))\n"
    "open('/tmp/agent.zip','wb').write(b);"
    "sys.path.insert(0,'/tmp/agent.zip');"
    f"from agent.server import main;main(own_kernel={OWN_KERNEL!r} in sys.argv)"
)
GRACE = 15.0
OUTPUT_LIMIT = 16 * 1024 * 1024


class MachineError(GraderError):
    """The machine failed or fell silent: our side, never the student's."""


class CallError(MachineError):
    """The agent refused or failed one call; the machine itself lives on."""


def agent_archive() -> bytes:
    """The agent's code as a zip file: what BOOTSTRAP expects, after twelve digits of length."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for source in sorted(resources.files("grader.machine.agent").iterdir(), key=str):
            if source.name.endswith(".py"):
                # A ZipInfo has a fixed date: the same code gives the same bytes.
                info = zipfile.ZipInfo(f"agent/{source.name}")
                archive.writestr(info, source.read_bytes())
    body = buffer.getvalue()
    return f"{len(body):012d}".encode() + body


def ship_agent(writer: BinaryIO) -> None:
    """Send the agent's code to a BOOTSTRAP at the other end. Raises OSError."""
    writer.write(agent_archive())
    writer.flush()


class Machine:
    """A machine whose agent is at the other end of a stream. Calls may come from any thread."""

    # So many times a limit is longer at most: of a whole host one cannot tell who has to wait.
    patience = 1.0

    _receiver: threading.Thread | None = None

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._channel = Channel(reader, writer)
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._gone: str | None = None
        self.kernel = ""
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def ready(self, timeout: float) -> None:
        """Wait until the agent serves; `kernel` is then the release that uname(2) says.

        Raises MachineError if it does not within `timeout` seconds.
        """
        self.kernel = self.call("system.kernel", within=timeout - GRACE)

    def call(self, name: str, *, within: float = 0.0, **args: Any) -> Any:
        """Have the agent do `name`. `within`: the seconds that the call itself may wait.

        Raises CallError if the agent could not, MachineError if it is gone or silent.
        """
        answer: Future[Any] = Future()
        with self._lock:
            if self._gone is not None:
                raise MachineError(f"{name}: {self._gone}")
            number = next(self._ids)
            self._waiting[number] = answer
        try:
            self._channel.send({"id": number, "call": name, "args": args})
            return answer.result(within + GRACE)
        except TimeoutError:
            silent = f"{name}: no answer within {within + GRACE:g} s"
            raise MachineError(f"{silent}{self.why_gone()}") from None
        except (OSError, ValueError) as error:
            raise MachineError(f"{name}: the agent is gone: {error}{self.why_gone()}") from error
        finally:
            self._waiting.pop(number, None)

    def release(self, name: str, *, within: float = 0.0, **args: Any) -> None:
        """Have the agent let go of something; a machine that is gone holds nothing any more."""
        try:
            self.call(name, within=within, **args)
        except CallError:
            raise
        except MachineError:
            return

    def start(
        self, *argv: str, env: dict[str, str] | None = None, stdin: bytes | None = None
    ) -> Process:
        """Start a program as this machine's root, outside of every sandbox."""
        state = self.call(
            "processes.start",
            within=10,
            argv=list(argv),
            env=env or {},
            output_limit=OUTPUT_LIMIT,
            stdin=stdin,
        )
        return Process(self, argv, state)

    def run(self, *argv: str, timeout: float, stdin: bytes | None = None) -> Completed:
        """Run a program as this machine's root, at most `timeout` seconds; then it is killed."""
        return self.start(*argv, stdin=stdin).finish(timeout)

    def read(self, path: str) -> str:
        """What a file of the machine's kernel says, nothing if it is not there.

        No program is started for it, which takes time where processors are emulated.
        """
        return bytes(self.call("files.read", path=path)).decode(errors="replace")

    def kept_waiting_s(self) -> float:
        """For how long this machine has been ready to run and others did, in all, at the most."""
        return waited_for_processors_s()

    def make_sandbox(
        self,
        *,
        hostname: str,
        processes: int,
        memory: int,  # noqa: ARG002 what a process may take is limited at its start
        tmpfs: Mapping[str, str],
    ) -> int:
        """Make where a submission's processes live, with at most so many; returns its number.

        `memory`, in bytes, is for all of them where the machine can limit that; `tmpfs` maps
        writable folders to mount options. Raises MachineError.
        """
        made = self.call(
            "sandboxes.make", within=10, hostname=hostname, processes=processes, tmpfs=dict(tmpfs)
        )
        return int(made["sandbox"])

    def destroy_sandbox(self, number: int) -> None:
        """Kill all that runs in a sandbox; its files and network vanish with it."""
        self.release("sandboxes.destroy", within=10, sandbox=number)

    @property
    def gone(self) -> bool:
        """Whether the machine has ended, so that another is needed."""
        return self._gone is not None

    def failed(self, what: str) -> MachineError:
        """The error that says that something here, which is ours, has failed."""
        return MachineError(f"{what}{self.why_gone()}")

    def why_gone(self) -> str:
        """What more can be said of a machine that has ended or is silent."""
        return ""

    def join(self, within: float) -> None:
        """Wait until nothing can come from the agent any more, at most `within` seconds."""
        if self._receiver is not None:
            self._receiver.join(within)

    def _receive(self) -> None:
        reason = "the agent has ended"
        try:
            while (message := self._channel.receive()) is not None:
                self._deliver(message)
        except (OSError, LookupError, TypeError, ValueError, WireError) as error:
            reason = f"the agent's stream broke: {error}"
        reason += self.why_gone()
        with self._lock:
            self._gone = reason
            waiting = list(self._waiting.values())
        for future in waiting:
            if not future.done():
                future.set_exception(MachineError(reason))

    def _deliver(self, message: dict[str, Any]) -> None:
        future = self._waiting.get(message["id"])
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(CallError(message["error"]))
        else:
            future.set_result(message["result"])
