"""This host as a machine: the agent in namespaces of its own, with the image as its root."""

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from grader.disposable import Disposable
from grader.machine.client import BOOTSTRAP, Machine, MachineError, ship_agent
from grader.machine.idmap import IdMap, enter_command

START_WITHIN = 20.0
GONE_WITHIN = 10.0
PYTHON = ["/usr/bin/python3", "-I", "-c", BOOTSTRAP]


class LocalMachine(Machine, Disposable):
    """An agent on this host's kernel. It dies with its owner, whatever way that ends."""

    def __init__(self, root: Path) -> None:
        """Start on the image whose files are below `root`. Raises MachineError, Unsupported."""
        command = enter_command(IdMap.for_this_user(), PYTHON, image=root.name)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 as long as the machine
        self._process = subprocess.Popen(
            command,
            cwd=root.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={"PATH": os.environ.get("PATH", os.defpath)},  # newuidmap is found by it
            start_new_session=True,
        )
        streams = cast("BinaryIO", self._process.stdout), cast("BinaryIO", self._process.stdin)
        try:
            ship_agent(streams[1])
            super().__init__(*streams)
            self.ready(START_WITHIN)
        except (MachineError, OSError) as error:
            self._process.kill()
            self._process.wait()
            self._log.seek(0)
            said = self._log.read()[-2000:].decode(errors="replace").strip()
            self.close()
            raise MachineError(f"no agent on this host: {said or error}") from error

    def close(self) -> None:
        """Kill the agent and with it all that runs on this machine."""
        self._process.kill()
        self._process.wait()
        self.join(GONE_WITHIN)
        with suppress(BrokenPipeError):  # what was still to be sent
            cast("BinaryIO", self._process.stdin).close()
        cast("BinaryIO", self._process.stdout).close()

        self._log.close()
