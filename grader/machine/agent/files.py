"""Files of the machine's own, outside of every sandbox: below /run, fresh memory; the kernel's."""

import os
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/run/netlab")


class Files:
    """Writes what services need: configurations, keys, pages; reads what the kernel says."""

    def call_write(self, files: dict[str, bytes]) -> None:
        """Write each of `files`, a path below /run/netlab to its bytes; folders are made."""
        for name, data in files.items():
            path = FOLDER / os.path.normpath(f"/{name}").lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            path.write_bytes(data)

    def call_read(self, path: str) -> bytes:
        """What a file of the kernel's says, nothing if it is not there."""
        with suppress(FileNotFoundError, ProcessLookupError):
            return Path(path).read_bytes()
        return b""
