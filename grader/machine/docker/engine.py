"""The Docker engine as we use it: found, asked with patience that ends, rid of our leftovers."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import version_lt
from requests.exceptions import RequestException, Timeout

from grader import lock
from grader.disposable import Disposable
from grader.errors import GraderError, Unsupported
from grader.machine.client import MachineError
from grader.machine.docker import owner
from grader.machine.idmap import IdMap, enter_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# How long the engine may take for one answer; an import's last one comes when all is unpacked.
WITHIN = 20
# The API of Docker 20.10: the first with cgroup namespaces.
OLDEST = "1.41"
IMPORT_WITHIN = 600
REPOSITORY = "netlab-grader"
# To be raised when another tree is imported of the same image.
FORMAT = 2
# What the engine lays empty files over: the image has them at /machine, too.
EMPTIED = ("resolv.conf", "hosts", "hostname")
IMAGE, RUN, OWNER, USER = (f"org.netlab-grader.{one}" for one in ("image", "run", "owner", "user"))


class Engine(Disposable):
    """A connection to the engine that this user's `docker` would talk to."""

    def __init__(self, *, within: int = WITHIN) -> None:
        """Find the engine and ask its version. Raises Unsupported, with the remedy, if none."""
        self.run = secrets.token_hex(4)
        self.address = os.environ.get("DOCKER_HOST", "")
        if not self.address:
            self.address = str(ContextAPI.get_current_context().Host)
        try:
            _connect(self.address, within)
            with closing(self._client(OLDEST, within)) as asking_only:
                known = asking_only.api.version(api_version=False)
            self.client = self._client(known["ApiVersion"], within)
        except (DockerException, RequestException, OSError) as error:
            what, remedy = _why_unreachable(self.address, error)
            raise Unsupported(what, remedy=remedy) from error
        self.api = self.client.api
        self.podman = _is_podman(known)
        if version_lt(known["ApiVersion"], OLDEST):
            self.close()
            what = f"the engine at {self.address} speaks version {known['ApiVersion']} of the API"
            raise Unsupported(f"{what}, expected {OLDEST} or newer", remedy="install Docker 20.10")

    def _client(self, version: str, within: int) -> docker.DockerClient:
        """A client that asks nothing yet: DOCKER_HOST's, or that of the current context."""
        if os.environ.get("DOCKER_HOST"):
            return docker.DockerClient.from_env(version=version, timeout=within)
        tls: Any = ContextAPI.get_current_context().TLSConfig  # None for a local one
        return docker.DockerClient(self.address, version=version, tls=tls or False, timeout=within)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Say what was being asked when the engine failed. Raises MachineError."""
        try:
            _connect(self.address, WITHIN)  # the SDK leaves a socket open that finds nobody
            yield
        except ImageNotFound as error:
            raise ImageMissing(f"{what}: {error.explanation}", remedy="grade again") from error
        except (DockerException, RequestException, OSError) as error:
            reason, remedy = _why(error)
            raise MachineError(f"{what}: {reason}", remedy=remedy) from error

    def version(self) -> str:
        """What the engine is."""
        with self.asking("the Docker engine's version"):
            found = self.client.version()
        return f"{'Podman' if _is_podman(found) else 'Docker'} {found['Version']} at {self.address}"

    def lacks(self) -> list[str]:
        """What this engine cannot limit."""
        with self.asking("what the Docker engine can limit"):
            found = self.client.info()
        limits = {
            "memory": "MemoryLimit",
            "processes": "PidsLimit",
            "processor time": "CpuCfsQuota",
        }
        return [name for name, key in limits.items() if not found.get(key, True)]

    def labels(self) -> dict[str, str]:
        """What our containers are known by."""
        return {RUN: self.run, OWNER: owner.this_process()}

    def sweep(self) -> list[str]:
        """Remove the containers whose owner is dead, and no others; returns their names."""
        gone = []
        with self.asking("looking for containers that are left over"):
            for one in self.api.containers(all=True, filters={"label": OWNER}):
                running = one["State"] == "running"
                if owner.is_dead(one["Labels"][OWNER], running=running):
                    self.remove(one["Id"])
                    gone.append(one["Names"][0].lstrip("/"))
        return gone

    def remove(self, container: str) -> None:
        """Kill and remove a container, which may be going already."""
        with self.asking("removing a container"):
            try:
                self.api.remove_container(container, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 409:  # its removal is in progress
                    raise

    def has_image(self, name: str) -> bool:
        """Whether the image of that id has been imported."""
        try:
            with self.asking(f"the image {name}"):
                self.client.images.get(_full(name))
        except ImageMissing:
            return False
        return True

    def import_image(
        self, root: Path, name: str, progress: Callable[[str], None] = lambda _: None
    ) -> str:
        """Import the tree below `root` as the image `name`, unless it is there; its full name.

        Others of this user wait meanwhile. Raises GraderError.
        """
        full = _full(name)
        if self.has_image(name):
            return full
        with lock.alone(root.parent, waiting="waiting for another import", progress=progress):
            if not self.has_image(name):
                progress("importing the image into Docker (once, about half a minute)")
                self._import(root, name)
        return full

    def _import(self, root: Path, name: str) -> None:
        """Have tar(1) read the tree as its own root, and name the image once all has come."""
        argv = [
            "tar", "-C", root.name, "--numeric-owner", "--one-file-system",
            *(f"--transform=s,^etc/{name}$,machine/{name}," for name in EMPTIED),
            "-c", ".", *(f"etc/{name}" for name in EMPTIED),
        ]  # fmt: skip
        labels = [f"LABEL {IMAGE}={name}", f"LABEL {USER}={os.geteuid()}"]
        command = enter_command(IdMap.for_this_user(), argv)
        with subprocess.Popen(command, cwd=root.parent, stdout=subprocess.PIPE) as tar:
            self.api.timeout, usual = IMPORT_WITHIN, self.api.timeout
            try:
                with self.asking("importing the image"):
                    said = self.api.import_image(src=tar.stdout, changes=labels)
                made = re.findall(r'"status":"([^"]*)"', said)[-1:]
                if tar.wait() or not made or not made[0].startswith("sha256:"):
                    raise GraderError(f"importing the image: {said.strip()[-300:]}")
                with self.asking("naming the image"):
                    self.client.images.get(made[0]).tag(*_full(name).split(":"))
            finally:
                self.api.timeout = usual
                tar.kill()

    def prune(self, kept: str | None) -> list[str]:
        """Remove this user's images but `kept`; say which."""
        gone = []
        filters = {"label": f"{USER}={os.geteuid()}"}
        with self.asking("removing old images"):
            for one in self.api.images(filters=filters):
                if one["Labels"].get(IMAGE) != kept:
                    self.api.remove_image(one["Id"], force=True)
                    gone.append(f"Docker's image {one['Labels'].get(IMAGE)}")
        return gone


def _is_podman(version: dict[str, Any]) -> bool:
    names = (str(one.get("Name", "")) for one in version.get("Components") or [])
    return any("podman" in name.lower() for name in names)


def _full(name: str) -> str:
    return f"{REPOSITORY}:{name}-{FORMAT}"


class ImageMissing(MachineError):
    """The engine has no such image (any more)."""


def _why(error: Exception) -> tuple[str, str]:
    """What went wrong in mid-run, and the remedy."""
    said = str(getattr(error, "explanation", "") or error)
    if "no space left" in said.lower():
        return said, "make room where Docker keeps its data: docker system prune, docker info"
    if "timed out" in said.lower():
        return "the Docker engine does not answer", "see that it is well (docker ps), grade again"
    if isinstance(error, APIError):
        return f"the Docker engine said: {said.strip()}", ""
    return f"the Docker engine is gone: {said}", "see that it runs (docker ps), then grade again"


def _connect(address: str, within: float) -> None:
    """See that somebody listens on a local engine's socket. Raises OSError."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as trial:
            trial.settimeout(within)
            trial.connect(address.removeprefix("unix://"))


def _why_unreachable(address: str, error: Exception) -> tuple[str, str]:
    match error:
        case FileNotFoundError():
            what = f"there is no Docker engine at {address}"
            return what, "install one: sudo apt-get install docker.io, or set DOCKER_HOST to yours"
        case PermissionError():
            what = f"this user may not use the Docker engine at {address}"
            member = f"sudo usermod -aG docker {_user()}, then log in again"
            return what, f"{member} (members of the group can become root)"
        case ConnectionRefusedError():
            what = f"the Docker engine at {address} is not running"
            return what, "start it: sudo systemctl start docker"
        case TimeoutError() | Timeout():
            what = f"the Docker engine at {address} does not answer"
            return what, "restart it: sudo systemctl restart docker"
    what = f"the Docker engine at {address} cannot be used: {error}"
    return what, "see that `docker version` works"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
