"""The certificate authority that an image trusts, and the world's server certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "ocw.cs.pub.ro",
    "cs.pub.ro",
    "www.cs.pub.ro",
    "fep.grid.pub.ro",
    "*.pub.ro",
    "www.google.com",
    "ro.pool.ntp.org",
)


def make(folder: Path) -> None:
    """Write a new authority and a certificate for the world's names.

    ca.crt is what the image trusts; ca.key, server.crt (with its chain) and server.key stay
    outside of it. Keys are readable by this user only.
    """
    import trustme

    folder.mkdir()
    folder.chmod(0o755)
    authority = trustme.CA(organization_name="netlab grader")
    server = authority.issue_cert(*NAMES)
    chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
    _write(folder / "ca.crt", authority.cert_pem.bytes(), mode=0o644)
    _write(folder / "ca.key", authority.private_key_pem.bytes(), mode=0o600)
    _write(folder / "server.crt", chain, mode=0o644)
    _write(folder / "server.key", server.private_key_pem.bytes(), mode=0o600)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_bytes(content)
