"""04c's eye in the microVM, run there on the iperf3 server's host, out of the student's network.

Arguments: the process whose network is the student's; our interface; the server's port; how many
seconds into a connection the rules are looked at; how many seconds processes get to end. It prints
a line of JSON for each connection's beginning and end, each look, and at last, when that process
has ended, what is left. It imports nothing of the grader's: its text is what is sent.
"""

import ctypes
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
ETH_P_ALL = 3
FIN, SYN, RST = 1, 2, 4
RULE = re.compile(r"\[(\d+):\d+\] -A (\S+) ?(.*)")
TARGET = re.compile(r"(?:^| )-[jg] (\S+)")
CHAIN = re.compile(r":(\S+) (\S+) \[")
SHOWN = 5


def filter_for(port: int) -> bytes:
    """tcp[13] & 7 != 0 and port PORT, in the code of linux/filter.h."""
    return b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (0x28, 0, 0, 12), (0x15, 0, 11, 0x0800),  # IPv4
            (0x30, 0, 0, 23), (0x15, 0, 9, 6),  # TCP
            (0x28, 0, 0, 20), (0x45, 7, 0, 0x1FFF),  # not a later fragment
            (0xB1, 0, 0, 14), (0x48, 0, 0, 14), (0x15, 2, 0, port),
            (0x48, 0, 0, 16), (0x15, 0, 2, port),
            (0x50, 0, 0, 27), (0x45, 1, 0, FIN | SYN | RST),
            (0x06, 0, 0, 0), (0x06, 0, 0, 128),
        )
    )  # fmt: skip


def listen(interface: str, port: int) -> socket.socket:
    """A packet socket that sees how connections begin and end, and nothing else."""
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    code = filter_for(port)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    seen.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, head)
    seen.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    seen.bind((interface, ETH_P_ALL))
    seen.setblocking(False)
    return seen


def now() -> int:
    """The clock that bpftrace's nsecs shows."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Watcher:
    """What has been seen so far."""

    def __init__(self, holder: str, interface: str, port: str, delay_s: str, grace_s: str) -> None:
        self.holder, self.interface, self.port = int(holder), interface, int(port)
        self.delay, self.grace = float(delay_s) * 1e9, float(grace_s) * 1e9
        self.network = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY)
        self.ended = os.pidfd_open(self.holder)
        self.seen = listen(interface, self.port)
        self.open: set[int] = set()
        self.due: float | None = None
        self.tests = 0
        self.looking: threading.Thread | None = None
        self.lock = threading.Lock()

    def say(self, event: str, **facts: object) -> None:
        """Print a line."""
        with self.lock:
            sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
            sys.stdout.flush()

    def run(self) -> None:
        """Watch until the process ends."""
        self.say("ready")
        ready: list[int] = []
        while self.ended not in ready:
            wait = None if self.due is None else max(0, self.due - now()) / 1e9
            ready = select.select([self.seen.fileno(), self.ended], [], [], wait)[0]
            self.take()
            if self.due is not None and now() >= self.due:
                self.look_meanwhile()
        self.finish()

    def take(self) -> None:
        """Note the beginnings and ends that have come."""
        while True:
            try:
                frame, control, _, _ = self.seen.recvmsg(128, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            late = time.time_ns() - seconds * 1_000_000_000 - nanoseconds
            tcp = 14 + 4 * (frame[14] & 0xF)
            ports = struct.unpack_from("!HH", frame, tcp)
            client = ports[1] if ports[0] == self.port else ports[0]
            self.note(client, frame[tcp + 13], now() - late)

    def note(self, client: int, flags: int, at: int) -> None:
        """A connection begins or ends."""
        begins = flags & SYN and not flags & RST
        if bool(begins) == (client in self.open):
            return
        received, sent = self.traffic()
        self.say("open" if begins else "close", at=at, port=client, received=received, sent=sent)
        if begins and not self.open:
            self.due, self.tests = at + self.delay, self.tests + 1
        (self.open.add if begins else self.open.remove)(client)
        if not self.open and self.due is not None:
            self.look_meanwhile()

    def traffic(self) -> tuple[int, int]:
        """Bytes that our end has received and sent."""
        for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name.strip() == self.interface:
                numbers = rest.split()
                return int(numbers[0]), int(numbers[8])
        return 0, 0

    def look_meanwhile(self) -> None:
        """Look while the watching goes on: on a busy machine it takes longer than a test."""
        self.due = None
        self.looking = threading.Thread(target=self.look, args=(self.tests,))
        self.looking.start()

    def look(self, test: int) -> None:
        """Say which rules there are on the student's host, and which of them have matched."""
        chains = self.chains("iptables-nft-save")
        names = self.command("cat", "/proc/net/ip_tables_names").split()
        chains += self.chains("iptables-legacy-save") if names else []
        self.say("look", at=now(), test=test, chains=chains)

    def command(self, *argv: str) -> str:
        """What a program says on the student's host."""
        joined = ["nsenter", f"--net=/proc/self/fd/{self.network}", *argv]
        done = subprocess.run(joined, pass_fds=[self.network], stdout=subprocess.PIPE, check=False)
        return done.stdout.decode(errors="replace")

    def chains(self, save: str) -> list[dict[str, Any]]:
        """The chains of all tables, each with its rules counted."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        table = ""
        for line in self.command(save, "-c").splitlines():
            if line.startswith("*"):
                table = line[1:]
            elif chain := CHAIN.match(line):
                found[table, chain[1]] = {
                    "backend": save, "table": table, "chain": chain[1], "policy": chain[2],
                    "rules": 0, "jumps": {}, "matched": 0, "shown": [],
                }  # fmt: skip
            elif (rule := RULE.match(line)) and (table, rule[2]) in found:
                self.count(found, table, rule)
        return list(found.values())

    @staticmethod
    def count(
        found: dict[tuple[str, str], dict[str, Any]], table: str, rule: re.Match[str]
    ) -> None:
        """Count a rule in its chain."""
        chain, target = found[table, rule[2]], TARGET.search(rule[3])
        chain["rules"] += 1
        if target and (table, target[1]) in found:
            chain["jumps"][target[1]] = chain["jumps"].get(target[1], 0) + 1
        elif int(rule[1]):
            chain["matched"] += 1
            if len(chain["shown"]) < SHOWN:
                chain["shown"].append(f"-A {rule[2]} {rule[3]} [{rule[1]} packets]"[:200])

    def finish(self) -> None:
        """Wait until the student's processes have ended, and say what is left."""
        if self.looking:
            self.looking.join()  # what it has started is in the student's network, too
        end = now() + self.grace
        while (left := self.processes()) and now() < end:
            time.sleep(0.05)
        self.look(0)
        self.say("left", processes=left)

    def processes(self) -> list[str]:
        """The names of what runs in the student's network."""
        own = os.fstat(self.network).st_ino
        found: list[str] = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "ns/net").stat().st_ino == own:
                    found.append((process / "comm").read_text().strip())
            except OSError:
                continue
        return found


if __name__ == "__main__":
    os.nice(-15)  # both processors are busy with the test that it looks at
    Watcher(*sys.argv[1:]).run()
