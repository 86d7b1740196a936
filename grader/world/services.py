"""The services of a world: dnsmasq, chronyd, nginx and iperf3, started and ready."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILES = "/run/netlab"


@dataclass(frozen=True)
class Service:
    """A server: its command, its files below /run/netlab, and where it must be listening."""

    name: str
    argv: tuple[str, ...]
    files: Mapping[str, bytes]
    listens: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Identity:
    """What a world's servers show: the certificate chain, its key, and this run's nonce."""

    certificate: bytes
    key: bytes
    nonce: str


def dns(folder: str, names: Mapping[str, tuple[str, ...]], identity: Identity) -> Service:
    """A DNS server, authoritative for `names`, that knows no others."""
    return Service(
        "dns",
        (
            "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon",
            "--user=root", "--port=53", "--no-negcache", "--local-ttl=30", "--local=/#/",
            f"--pid-file={FILES}/{folder}/dnsmasq.pid",
            f"--txt-record=nonce.netlab,{identity.nonce}",
            *_records(names),
        ),
        {f"{folder}/dns": b""},
        (("udp", 53), ("tcp", 53)),
    )  # fmt: skip


def _records(names: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name, addresses in names.items():
        for address in addresses:
            yield f"--host-record={name},{address}"
            yield f"--ptr-record={ip_address(address).reverse_pointer},{name}"


def ntp(folder: str) -> Service:
    """An NTP server that leaves the machine's clock alone."""
    return Service(
        "ntp",
        (
            "chronyd", "-x", "-d", "-U", "-u", "root", "-L", "2",
            "local stratum 2", "allow all", "cmdport 0",
            f"pidfile {FILES}/{folder}/chronyd.pid", "bindcmdaddress /",
        ),
        {f"{folder}/ntp": b""},
        (("udp", 123),),
    )  # fmt: skip


def iperf3() -> Service:
    """A server for measurements of throughput, on the port that clients take if none is named."""
    return Service("iperf3", ("iperf3", "--server"), {}, (("tcp", 5201),))


PAGE = """<!DOCTYPE html>
<title>{title}</title>
<p>Served here as {nonce}.</p>
<p>{filler}</p>
"""
# Several segments long, so that a filter that knows only a response's first one shows.
FILLER = "All work and no packets makes the network a dull place. " * 90


def web(folder: str, identity: Identity) -> Service:
    """An HTTP and HTTPS server whose page carries the nonce."""
    where = f"{FILES}/{folder}"
    configuration = f"""
daemon off; worker_processes 1; user root; pid {where}/nginx.pid; error_log stderr error;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type text/html; server_tokens off;
  client_body_temp_path {where}/body; proxy_temp_path {where}/proxy;
  fastcgi_temp_path {where}/fastcgi; uwsgi_temp_path {where}/uwsgi; scgi_temp_path {where}/scgi;
  ssl_certificate {where}/server.pem; ssl_certificate_key {where}/server.key;
  server {{
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl; listen 8080; listen [::]:8080;
    root {where}/www;
  }}
}}
"""
    page = PAGE.format(title="A page of the lab", nonce=identity.nonce, filler=FILLER)
    return Service(
        "web",
        ("nginx", "-e", "stderr", "-c", f"{where}/nginx.conf"),
        {
            f"{folder}/nginx.conf": configuration.encode(),
            f"{folder}/server.pem": identity.certificate,
            f"{folder}/server.key": identity.key,
            f"{folder}/www/index.html": page.encode(),
        },
        (("tcp", 80), ("tcp", 443), ("tcp", 8080)),
    )
