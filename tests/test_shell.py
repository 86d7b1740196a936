"""`grader shell`, as a person at a real terminal meets it, and the terminals under it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import tty
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import CAUGHT, REFERENCE, grade, submission
from terminal import GRADER, PROMPT, Person, at_a_terminal

from grader.deadline import wait_until
from grader.machine.client import CallError
from grader.machine.microvm.qemu import PROGRAM
from grader.machine.terminal import Terminal
from grader.sandbox.sandbox import CAPABILITIES
from grader.shell import restored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from grader.sandbox import Sandbox
    from grader.world import World

NEW = {"argv": ["bash"], "cwd": "/work", "env": {}, "rows": 24, "columns": 80}


def person(
    *arguments: str | Path, env: dict[str, str] | None = None
) -> AbstractContextManager[Person]:
    """Somebody who has started `grader shell` with `arguments`, or been told why not."""
    return at_a_terminal("shell", *arguments, env=env)


@contextmanager
def at_the_prompt(*arguments: str | Path, env: dict[str, str] | None = None) -> Iterator[Person]:
    """Somebody in a shell that awaits a command."""
    with person("--sandbox=netns", *arguments, env=env) as somebody:
        somebody.sees(PROMPT, within=30)
        yield somebody


@pytest.fixture(scope="module")
def somebody() -> Iterator[Person]:
    """A person for the tests of this module, in a sandbox; each leaves the prompt as it was."""
    with at_the_prompt(REFERENCE) as it:
        yield it


def without_qemu(folder: Path) -> dict[str, str]:
    """A PATH with this machine's programs but QEMU."""
    folder.mkdir()
    for top in os.environ["PATH"].split(":"):
        for path in Path(top).iterdir() if Path(top).is_dir() else ():
            if not path.name.startswith("qemu") and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path)
    return {"PATH": str(folder)}


def children(pid: int) -> set[int]:
    """All processes below `pid`."""
    found: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(one) for one in thread.read_text(encoding="ascii").split()}
    return found.union(*(children(one) for one in found))


# --- working in it ---------------------------------------------------------------------------


def test_the_folders_files_are_there(somebody: Person) -> None:
    """The files of the folder lie in /work, where the shell starts."""
    somebody.tries("sha256sum *", "tcpdump.sh\r\n.*uncaught.sh")


def test_the_world_is_there(somebody: Person) -> None:
    """The lab page's commands reach the world's servers."""
    somebody.tries("sudo curl -sI www.google.com", "HTTP/1.1 200 OK")
    somebody.tries("dig +short fep.grid.pub.ro @8.8.8.8", r"\n\d+\.\d+\.\d+\.\d+\r\n")
    somebody.tries("cat /sys/class/net/$IFACE/operstate", r"\nup\r\n")


def test_it_is_a_terminal(somebody: Person) -> None:
    """All three streams are a terminal, which is the controlling one and has a name."""
    somebody.tries("test -t 0 -a -t 1 -a -t 2 && tty", r"\n/dev/pts/\d+\r\n")
    somebody.tries("echo $((6 * 7)) >/dev/tty", r"\n42\r\n")
    somebody.tries("echo $TERM", r"\nxterm-256color\r\n")


def test_ctrl_c_ends_the_program_in_the_foreground(somebody: Person) -> None:
    """Ctrl-C ends ping with its statistics, and the shell goes on."""
    somebody.type("ping 8.8.8.8\n")
    somebody.sees("icmp_seq=2")
    somebody.type("\x03")
    somebody.sees("packet loss")
    somebody.sees(PROMPT)


def test_ctrl_z_stops_and_fg_goes_on(somebody: Person) -> None:
    """Ctrl-Z stops a program, fg takes it up again."""
    somebody.starts("cat")
    somebody.type("one\n")
    somebody.sees("one\r\none\r\n")
    somebody.type("\x1a")
    somebody.sees(r"Stopped .*cat")
    somebody.type("fg\n")
    somebody.sees(r"\n(echo.*; )?cat\r\n")
    somebody.type("two\n")
    somebody.sees("two\r\ntwo\r\n")
    somebody.type("\x04")
    somebody.sees(PROMPT)


def test_the_windows_size_is_passed_on(somebody: Person) -> None:
    """A program is told the size at its start, and by SIGWINCH when it changes."""
    code = (
        "import os, signal as s; s.pthread_sigmask(s.SIG_BLOCK, {s.SIGWINCH});"
        "print(tuple(os.get_terminal_size()), flush=True);"
        "s.sigwait({s.SIGWINCH}); print(tuple(os.get_terminal_size()))"
    )
    somebody.type(f'python3 -c "{code}"\n')
    somebody.sees(r"\n\(100, 30\)")
    somebody.resize(33, 120)
    somebody.sees(r"\n\(120, 33\)")
    somebody.sees(PROMPT)
    somebody.resize(30, 100)
    somebody.tries("stty size", r"\n30 100\r\n")


def test_a_full_screen_program_works(somebody: Person) -> None:
    """The editor draws the screen, takes keys one by one, and leaves it again."""
    somebody.type("vi note\n")
    somebody.sees(r"\x1b\[\?1049h")
    somebody.type("ihello\x1b:wq\n")
    somebody.sees(r"\x1b\[\?1049l")
    somebody.sees(PROMPT)
    somebody.tries("rev note", "olleh")


def test_much_output_is_shown_whole(somebody: Person) -> None:
    """Of a megabyte of output nothing is lost."""
    somebody.type("seq -f %09g 100000\n")
    somebody.sees("\n000000001\r\n")
    last = somebody.sees("000100000\r\n", within=60)
    assert last.start() == 99_998 * len(last.group())
    somebody.sees(PROMPT)


def test_a_large_paste_arrives_whole(somebody: Person) -> None:
    """More than a terminal's buffer holds can be typed at once."""
    somebody.starts("cat | wc -c")
    somebody.type("a line of thirty characters...\n" * 2000 + "\x04")
    somebody.sees(r"62000\r\n")
    somebody.sees(PROMPT)


def test_a_backspace_takes_a_whole_character(somebody: Person) -> None:
    """The terminal knows that characters are UTF-8."""
    somebody.starts("wc -c")
    somebody.type("ță\x7fb\n\x04")
    somebody.sees(r"\n4\r\n")
    somebody.sees(PROMPT)


# --- the ways out -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "code"),
    [("exit 7\n", 7), ("\x04", 0), ("kill -KILL $$\n", 128 + signal.SIGKILL)],
    ids=["exit", "Ctrl-D", "killed"],
)
def test_the_exit_status_is_the_shells(keys: str, code: int) -> None:
    """What bash ends with, the command ends with; the terminal is as it was."""
    with at_the_prompt() as somebody:
        assert somebody.modes != somebody.before
        somebody.type(keys)
        assert somebody.leaves() == code
        assert somebody.modes == somebody.before


def test_the_terminal_is_given_back_last() -> None:
    """It is as before only when nothing of the world is left: what is typed until then is lost."""
    with at_the_prompt() as somebody:
        somebody.type("exit\n")
        wait_until(lambda: somebody.modes == somebody.before, within=20, what="the terminal")
        assert children(somebody.run.pid) == set()
        assert somebody.leaves() == 0
        assert "You have left the student's host." in somebody.seen


def test_unread_keys_are_discarded() -> None:
    """What one typed as root of the student's host does not reach the shell outside."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with restored(slave):
        tty.setraw(slave)
        os.write(master, b"reboot\n")
        wait_until(lambda: unread(slave) == 7, within=5, what="the keys")
    assert unread(slave) == 0
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def unread(terminal: int) -> int:
    """How many keys a terminal holds for whoever reads next."""
    held = fcntl.ioctl(terminal, termios.FIONREAD, bytes(4))
    return int.from_bytes(held, sys.byteorder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    """Told to end, even while a program runs, it restores the terminal and leaves nothing."""
    with at_the_prompt() as somebody:
        somebody.type("sleep 98765 & sleep 98765\n")
        wait_until(
            lambda: b"98765" in b"".join(map(cmdline, children(somebody.run.pid))),
            within=10,
            what="the programs",
        )
        below = children(somebody.run.pid)
        somebody.run.send_signal(number)
        assert somebody.leaves() != 0
        assert somebody.modes == somebody.before
        wait_until(lambda: not any(map(alive, below)), within=10, what="the end of all")


def cmdline(pid: int) -> bytes:
    """The command of a process, if it still runs."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    """Whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def test_a_dead_machine_is_told() -> None:
    """If the machine dies, the terminal is restored, then the reason said; the code is 3."""
    with at_the_prompt() as somebody:
        os.kill(min(children(somebody.run.pid)), signal.SIGKILL)
        assert somebody.leaves() == 3
        assert somebody.modes == somebody.before
        assert "the agent has ended" in somebody.seen


def test_a_daemon_does_not_hold_it_up() -> None:
    """What was left running, even at the terminal, ends with the shell."""
    with at_the_prompt() as somebody:
        somebody.type("(trap '' HUP; setsid yes) >$(tty) 2>&1 </dev/null &\n")
        somebody.sees("y\r\ny\r\n")
        somebody.type("exit 4\n")
        assert somebody.leaves() == 4


# --- what it says -----------------------------------------------------------------------------


def test_it_says_where_one_is(tmp_path: Path) -> None:
    """The first lines name the place, the interface, the files that were left out, the way out."""
    folder = submission(tmp_path / "odd", uncaught_sh="true\n", figure_png=b"\x89PNG\0")
    (folder / "tcpdump.sh").symlink_to("/etc/passwd")
    with person("--sandbox=netns", folder) as somebody:
        somebody.sees("left out: figure.png: expected a plain text file, found a NUL byte")
        somebody.sees("left out: tcpdump.sh: expected a plain text file, found a symbolic link")
        somebody.sees("in a sandbox on this host's Linux")
        somebody.sees(r"eth0 is 10\.\d+\.\d+\.\d+, /work has 1 of your files")
        somebody.sees("exit or Ctrl-D")
        somebody.sees(PROMPT)
        somebody.tries("ls -A", r"\nuncaught\.sh\r\n")


def test_without_qemu_it_is_a_sandbox(tmp_path: Path) -> None:
    """Where there can be no microVM, it says so, with the remedy, and takes a sandbox."""
    with person(env=without_qemu(tmp_path / "bin")) as somebody:
        somebody.sees("no microVM, so this host's kernel: qemu-system-x86_64 is not installed")
        somebody.sees("remedy: install the package")
        somebody.sees(PROMPT)


def test_a_microvm_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    """With --sandbox=vm there is a microVM or none."""
    with person("--sandbox=vm", env=without_qemu(tmp_path / "bin")) as somebody:
        assert somebody.leaves() == 3
        assert "is not installed" in somebody.seen


def test_an_unknown_terminal_is_taken_for_a_usual_one(tmp_path: Path) -> None:
    """A TERM that the image does not know would leave editors without a screen."""
    with at_the_prompt(env={"TERM": "../x"}) as somebody:
        somebody.tries("echo $TERM", r"\nxterm-256color\r\n")


@pytest.mark.parametrize("arguments", [["--sandbox=jail"], ["no/such/folder"]])
def test_bad_usage_is_named(arguments: list[str]) -> None:
    """An unknown sandbox and a folder that is not there end with code 2 and their name."""
    with person(*arguments) as somebody:
        assert somebody.leaves() == 2
        assert arguments[0].rpartition("=")[2] in somebody.seen


def test_without_a_terminal_there_is_none() -> None:
    """Without a terminal it ends with code 2 and says why."""
    done = subprocess.run(
        [GRADER, "shell"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "a shell needs a terminal" in done.stderr


# --- in a microVM -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_vm() -> Iterator[Person]:
    """A person in a microVM; the template may have to be made first."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    with person("--sandbox=vm", REFERENCE) as it:
        it.sees("in a microVM with Linux", within=180)
        it.sees(PROMPT)
        yield it


def test_the_kernel_log_has_the_rules_lines(in_vm: Person) -> None:
    """The reference's rule writes to the log that `sudo dmesg` shows, from this start on."""
    in_vm.tries("bash iptables_log.sh; sudo dmesg | wc -l", r"\n0\r\n")
    in_vm.tries("sudo curl www.google.com", "<title>")
    in_vm.tries("sudo dmesg | grep -c 'root-packet: IN= OUT=eth0.*PROTO=TCP'", r"\n[1-9]\d*\r\n")


def test_pwru_traces_a_query(in_vm: Person) -> None:
    """The lab page's tool is there, as its root's, and shows the way of a query."""
    in_vm.type("sudo pwru 'dst host 8.8.8.8 and dst port 53' >trace.txt &\n")
    in_vm.sees("Listening for events", within=180)
    in_vm.tries("dig +short @8.8.8.8 www.google.com", r"\n[\d.]+\r\n")
    in_vm.tries("sudo pkill -INT -x pwru; wait; grep -c nf_hook_slow trace.txt", r"\n[1-9]\d*\r\n")


def test_bpftrace_traces_the_kernel(in_vm: Person) -> None:
    """The lab page's script counts, and Ctrl-C ends it with what it has counted."""
    in_vm.type("bpftrace -e 'fentry:nf_hook_slow { @[comm]++; } BEGIN { printf(\"on\\n\"); }'\n")
    in_vm.sees(r"\r\non", within=60)
    in_vm.type("\x1a")
    in_vm.sees("Stopped")
    in_vm.sees(PROMPT)
    in_vm.tries("ping -c 3 8.8.8.8", "3 received")
    in_vm.type("fg\n")
    in_vm.sees("bpftrace")
    in_vm.type("\x03")
    in_vm.sees(r"@\[ping\]: \d+")
    in_vm.sees(PROMPT)


def test_the_microvms_host_is_the_students(in_vm: Person) -> None:
    """/sys shows the host's interfaces, and network namespaces can be made on it."""
    in_vm.tries("ls /sys/class/net", r"\neth0 ")
    in_vm.tries("ip netns add x && ip netns exec x ip -br link; ip netns del x", r"lo .*DOWN")
    in_vm.tries("ntpdate -q ro.pool.ntp.org", "ro.pool.ntp.org .* no-leap")


def test_the_folders_files_are_in_the_microvm(in_vm: Person) -> None:
    """The files of the folder lie in /work there too."""
    in_vm.tries("pwd; ls", r"\n/work\r\n[^#]*uncaught\.sh")


def test_a_dead_microvm_is_told() -> None:
    """If QEMU dies, the terminal is restored, then the reason said; the code is 3."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    with person("--sandbox=vm") as somebody:
        somebody.sees(PROMPT, within=180)
        (qemu,) = (pid for pid in children(somebody.run.pid) if b"qemu-system" in cmdline(pid))
        os.kill(qemu, signal.SIGKILL)
        assert somebody.leaves() == 3
        assert somebody.modes == somebody.before
        assert "QEMU has ended" in somebody.seen


# --- the terminals under it ----------------------------------------------------------------------


def in_sandbox(sandbox: Sandbox, *argv: str) -> Terminal:
    """A program at a terminal inside a sandbox."""
    return Terminal(
        sandbox.machine, "in_sandbox", sandbox=sandbox.number, program={**NEW, "argv": list(argv)},
        capabilities=sorted(CAPABILITIES.values()), limits=sandbox.limits.of_a_process(),
    )  # fmt: skip


def ended(terminal: Terminal) -> bytes:
    """All that a program shows until its end."""
    shown = b""
    while terminal.exit is None:
        shown += terminal.read()
    return shown


def test_the_last_words_are_read(sandbox: Sandbox) -> None:
    """What a program wrote just before its end is read before its end is told."""
    for _ in range(20):
        with in_sandbox(sandbox, "sh", "-c", "seq 500; exit 9") as terminal:
            assert ended(terminal).endswith(b"\r\n500\r\n")
            assert terminal.exit == 9


def test_what_nobody_reads_is_bounded(sandbox: Sandbox) -> None:
    """A program that writes more than is read has to wait: nothing is piled up for it."""
    code = (
        "import os\nos.set_blocking(1, False)\nn = 0\n"
        "try:\n while n < 255 * 4096: n += os.write(1, b'x' * 4096)\n"
        "except BlockingIOError: pass\nos._exit(n // 4096)"
    )
    with in_sandbox(sandbox, "python3", "-c", code) as terminal:
        shown = ended(terminal)
        assert terminal.exit is not None
        assert 0 < terminal.exit < 64
        assert len(shown) >= terminal.exit * 4096


def test_a_program_that_is_not_there_is_told(sandbox: Sandbox) -> None:
    """A program that cannot start is an error with its name."""
    with (
        in_sandbox(sandbox, "no-such-program") as terminal,
        pytest.raises(CallError, match="no-such-program"),
    ):
        ended(terminal)


def test_closing_ends_a_read(sandbox: Sandbox) -> None:
    """A terminal can be closed while somebody waits for its output."""
    terminal = in_sandbox(sandbox, "sleep", "98765")
    assert terminal.write(b"unread\n") == 7
    terminal.close()
    wait_until(sandbox.idle, within=5, what="the end of the program")


def test_a_host_of_the_world_has_terminals(world: World) -> None:
    """A program can be at a terminal on any host of the world."""
    program = {**NEW, "argv": ["ip", "-br", "address"]}
    with Terminal(
        world.machine, "on_host", world=world.number, host="gateway", program=program
    ) as terminal:
        assert world.host("gateway").interface().address(4).encode() in ended(terminal)


# --- the world of a check -------------------------------------------------------------------------


def test_the_world_of_a_check(tmp_path: Path) -> None:
    """With the evidence of a lost check, the shell is in that check's world: the same address."""
    bob = submission(tmp_path / "bob", uncaught_sh=CAUGHT)
    graded = grade(bob, "--task", "01d", home=tmp_path)
    evidence = graded.reports / "bob" / "01d.leaves"
    told = (evidence / "commands.txt").read_text()
    address = re.search(r"# student eth0: (\S+)/24", told)
    assert address is not None
    with at_the_prompt(bob, "--like", evidence) as somebody:
        somebody.tries("ip -br addr show eth0; ls", re.escape(address[1]) + r"[\s\S]*uncaught.sh")


def test_no_world_in_the_evidence(tmp_path: Path) -> None:
    """Evidence without a world is bad usage, and the remedy shows what one is."""
    with person("--like", tmp_path) as somebody:
        somebody.sees("expected a check's evidence with the world")
        somebody.sees("reports/alice/01b.only_root")
        assert somebody.leaves() == 2
