#!/usr/bin/python3 -IS
"""Stands in for pwru in the sandbox: notes how it was called, then looks like a tracer at work.

It also stands in for what may start pwru in a container, and for what prepares a computer for it:
that does nothing, and succeeds. It runs inside, as what the submission calls; the grader's own
process has no use for it. It says that it listens, as pwru does, and ends on SIGINT, SIGTERM or
soon by itself.
"""

import os
import select
import signal
import sys
import time

CALLS = "/dev/shm/pwru-calls"  # noqa: S108 in a sandbox of its own
LASTS_S = 0.4
TRACERS = {"pwru", "docker", "podman", "nerdctl"}
USAGE = """Usage: pwru [options] [pcap-filter]
    Available pcap-filter: see "man 7 pcap-filter"
"""


def note(arguments: list[str]) -> None:
    """Append the call to the record: how many arguments, then each, all ended by zero bytes."""
    record = b"".join(os.fsencode(one) + b"\0" for one in (str(len(arguments)), *arguments))
    file = os.open(CALLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(file, record)
    os.close(file)


def value_of(option: str, arguments: list[str]) -> str:
    """What a long option is given, or nothing."""
    for one, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = one.partition("=")
        if name == option:
            return value if equals else following
    return ""


def say(text: str) -> None:
    """Write to standard error, where pwru says what it does."""
    moment = time.strftime("%Y/%m/%d %H:%M:%S")
    os.write(2, f"{moment} {text}\n".encode())


def listen(arguments: list[str]) -> None:
    """Be a tracer that sees no packet."""
    reading, writing = os.pipe()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.write(writing, b"x"))  # though it was ignored, as by &
    say("Attaching kprobes (via kprobe-multi)...")
    say("Attached (ignored 0)")
    say("Listening for events..")
    header = b"SKB                CPU PROCESS          FUNC\n"
    for option in ("--output-file", "--ready-file"):
        path = value_of(option, arguments)
        if path:
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(header if option == "--output-file" else b"")
    if not value_of("--output-file", arguments):
        os.write(1, header)
    select.select([reading], [], [], LASTS_S)
    say("Received signal, exiting program..")


def main() -> None:
    """Note the call; show help, or listen."""
    note(sys.argv)
    if sys.argv[0].rpartition("/")[2] not in TRACERS:
        return
    if {"-h", "--help", "--version"} & set(sys.argv[1:]):
        sys.stdout.write("pwru v1.0.9\n" if "--version" in sys.argv else USAGE)
    else:
        listen(sys.argv[1:])


if __name__ == "__main__":
    main()
