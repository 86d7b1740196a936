"""Runs on the student's host, under the image's Python: sends packets, tells what left and how.

Takes groups of attempts as JSON. Of each group it prints how many packets left, with which TTLs,
how many attempts were answered, and what iptables lists before and after.
"""

import json
import os
import select
import socket
import subprocess
import sys

OUTGOING = 4
# Where the source port is, or an echo request's number, behind the IP header.
PORT_AT = {1: 4, 6: 0, 17: 0}
BACKENDS = ("iptables-nft", "iptables-legacy")
TABLES = ("raw", "mangle", "nat", "filter")


def listed():
    """What iptables itself lists, by backend and table."""
    return {
        f"{backend} {table}": subprocess.run(
            [backend, "-t", table, "-L", "-v", "-n", "-x"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for backend in BACKENDS
        for table in TABLES
    }


def ping(number, host):
    """Send an echo request whose checksum is made up for by its last bytes."""
    whole = sum(int.from_bytes(one, "big") for one in (b"\x08\0", number.to_bytes(2, "big")))
    one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    rest = number.to_bytes(2, "big") + (0xFFFF - whole % 0xFFFF).to_bytes(2, "big")
    one.sendto(b"\x08\0\0\0" + rest, (host, 0))
    held.append(one)
    return False


def attempt(protocol, sport, host, port, talks):
    """Open a socket and send; whether an answer came that was awaited."""
    if protocol == "icmp":
        return ping(sport, host)
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    one = socket.socket(socket.AF_INET, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("", sport))
    one.settimeout(0.4 if talks else 0.05)
    try:
        one.connect((host, port))
        if protocol == "udp":
            one.send(bytes.fromhex("123401000001000000000000") + b"\0\0\2\0\1")
            return talks and bool(one.recv(4096))
        for piece in (b"HEAD / HTTP/1.0\r\n", b"X-Long: " + b"x" * 900 + b"\r\n", b"\r\n"):
            one.send(piece)
        while one.recv(4096):
            pass
        one.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    else:
        return True
    finally:
        held.append(one)


def as_user(uid, gid, attempts):
    """Make the attempts as a user, and keep the sockets until the counters have been read."""
    ready, told = os.pipe()
    wait, done = os.pipe()
    child = os.fork()
    if not child:
        os.setgid(gid)
        os.setuid(uid)
        answers = [attempt(*one) for one in attempts]
        os.write(told, str(sum(answers)).encode())
        os.close(done)
        os.read(wait, 1)
        os._exit(0)
    os.close(wait)
    return int(os.read(ready, 16)), done, child


def left(ports):
    """The TTLs of the packets from these ports that have left, when nothing more comes."""
    ttls = []
    while select.select([tap], [], [], 0.03)[0]:
        frame, (_, _, kind, _, _) = tap.recvfrom(65536)
        if kind != OUTGOING or frame[12:14] != b"\x08\0" or frame[23] not in PORT_AT:
            continue
        place = 14 + 4 * (frame[14] & 15) + PORT_AT[frame[23]]
        if int.from_bytes(frame[place : place + 2], "big") in ports:
            ttls.append(frame[22])
    return ttls


held = []
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind(("eth0", 0))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
results = []
for group in json.loads(sys.argv[1]):
    before = listed() if group["counts"] else {}
    answered, done, child = as_user(group["uid"], group["gid"], group["attempts"])
    ttls = left({sport for _, sport, _, _, _ in group["attempts"]})
    after = listed() if group["counts"] else {}
    os.close(done)
    os.waitpid(child, 0)
    results.append({"answered": answered, "ttls": ttls, "before": before, "after": after})
sys.stdout.write(json.dumps(results))
