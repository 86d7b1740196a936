"""pwru's command line is read as its versions read it."""

from __future__ import annotations

import pytest

from grader.errors import CheckFailed
from tests_lab.pwru.command import parse, places, pwru_arguments, read_calls

FILTER = "dst host 8.8.8.8 and dst port 53"
RIGHT = [
    ["--timestamp", "relative", FILTER],
    ["--timestamp=relative", FILTER],
    [*FILTER.split(), "--timestamp", "relative"],
    ["--output-tuple", "--timestamp", "none", "--timestamp", "relative", "--", *FILTER.split()],
    ["--output-stack=false", FILTER, "--timestamp=relative", "--filter-func", "ip_.*"],
    ["--filter-dst-ip", "8.8.8.8", "--filter-dst-port=53", "--output-relative-timestamp"],
    ["-filter-dst-ip=8.8.8.8", "-filter-dst-port", "53", "-output-relative-timestamp"],
    ["--output-something-new", "--timestamp", "relative", FILTER],
]


@pytest.mark.parametrize("arguments", RIGHT, ids=" ".join)
def test_right_ones(arguments: list[str]) -> None:
    """All these ask for the same packets, with relative times."""
    command = parse(arguments)
    assert command.filter == FILTER
    assert command.relative
    assert command.traces


REFUSED = {
    "pwru has no option '-t'": ["-t", "relative", FILTER],
    "pwru has no option '--timestamps'": ["--timestamps=relative", FILTER],
    "pwru has no option '--relative'": ["--relative", FILTER],
    "pwru has no option '-timestamp'": ["-timestamp", "relative", FILTER],
    "needs a value": [FILTER, "--timestamp"],
    "JSON": ["--output-json", FILTER],
    "in one call": ["--filter-dst-ip", "8.8.8.8", "dst port 53"],
}


@pytest.mark.parametrize("message", REFUSED)
def test_wrong_ones(message: str) -> None:
    """What pwru refuses is told in its terms."""
    with pytest.raises(CheckFailed, match=message):
        parse(REFUSED[message])


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["--help", FILTER]])
def test_a_look_at_the_help_traces_nothing(arguments: list[str]) -> None:
    """Help and version are no calls to be judged."""
    assert not parse(arguments).traces


def test_containers() -> None:
    """What follows the image is pwru's, with its name or without."""
    options = ["run", "--rm", "--name", "pwru", "-v", "/root/pwru:/pwru", "--pid=host"]
    for image in ("cilium/pwru", "docker.io/cilium/pwru:v1.0.9", "pwru"):
        assert pwru_arguments(["/usr/bin/docker", *options, image, FILTER]) == [FILTER]
        assert pwru_arguments(["podman", *options, image, "pwru", FILTER]) == [FILTER]
    assert pwru_arguments(["docker", "pull", "cilium/pwru"]) is None
    assert pwru_arguments(["docker", "run", "alpine", "sh"]) is None
    assert pwru_arguments(["/usr/local/bin/pwru", FILTER]) == [FILTER]
    assert pwru_arguments(["docker", "exec", "-it", "x", "pwru", FILTER]) == [FILTER]
    line = f"cd /x && sudo ./pwru --output-tuple '{FILTER}' 2>&1 | tee out"
    for words in (
        ["tmux", "new", "-d", line],
        ["ssh", "-t", "vm", line],
        ["wsl", "sh", "-c", line],
    ):
        assert pwru_arguments(words) == ["--output-tuple", FILTER]
    assert pwru_arguments(["multipass", "exec", "vm", "--", "sudo", "pwru", FILTER]) == [FILTER]
    assert pwru_arguments(["docker", *options, "cilium/pwru", "sh", "-c", line]) == [
        "--output-tuple",
        FILTER,
    ]
    assert pwru_arguments(["tmux", "kill-server"]) is None
    assert pwru_arguments(["ssh", "vm", "sudo pwru 'open"]) is None
    assert pwru_arguments(["systemctl", "stop", "systemd-resolved"]) is None


def test_places_from_complaints() -> None:
    """What bash, sudo or timeout did not find is known by what they say."""
    for said in (
        "pwru.sh: line 3: /opt/tools/pwru: No such file or directory",
        "sudo: /opt/tools/pwru: command not found",
        "timeout: failed to run command \u2018/opt/tools/pwru\u2019: No such file or directory",
    ):
        assert places("", said) == ["/opt/tools/pwru"]
    assert places("", "grep: pwru.log: No such file or directory") == []


def test_the_record_is_read_as_it_was_written() -> None:
    """Any arguments, also empty ones; what is damaged ends the list."""
    assert read_calls(b"3\0pwru\0a b\0\0" + b"1\0./pwru\0") == [["pwru", "a b", ""], ["./pwru"]]
    assert read_calls(b"") == []
    assert read_calls(b"2\0pwru\0--x\0nonsense\0") == [["pwru", "--x"]]
    assert read_calls(b"999999\0pwru") == [["pwru"]]
    assert read_calls(b"\xff\0\xfe") == []


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sudo ./pwru x", ["/work/pwru"]),
        ("cd ~/pwru && sudo ./pwru x", ["/root/pwru/pwru", "/work/pwru"]),
        ("git clone x; cd pwru; make; sudo mv pwru /usr/local/bin", ["/work/pwru/pwru"]),
        ('"$HOME"/go/bin/pwru x', ["/root/go/bin/pwru"]),
        ("$HOME/go/bin/pwru x", ["/root/go/bin/pwru"]),
        ('"${HOME}/pwru/pwru" x', ["/root/pwru/pwru"]),
        ("/opt/pwru x; /home/ana/../bob/pwru y", ["/home/bob/pwru", "/opt/pwru"]),
        ("/etc/pwru x; pwru y; cat pwru.log", ["/root/etc/pwru"]),
        ("../../../etc/pwru", ["/root/etc/pwru"]),
    ],
)
def test_places(script: str, expected: list[str]) -> None:
    """Where a script looks for pwru itself, within folders of its sandbox's own."""
    assert places(script) == expected
