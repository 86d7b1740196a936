"""`grader check`, as a student meets it: piped, in terminals of several widths, while editing."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs import CAUGHT, REPO, UNCAUGHT, environment, submission
from terminal import GRADER, PROMPT, at_a_terminal

from grader import checked, pages
from grader.errors import BadInput
from grader.rubric import Lab

# A prefix without its space, so that 01b is lost in one check, by a rule that counts.
LOGS_WRONG = """iptables -A OUTPUT -p tcp --sport 49152:60999 -m owner --uid-owner 0 \\
    -j LOG --log-prefix root-packet:
"""
NEVER = "9999-12-31"
COLOUR = "\x1b["
ENDED = r"report in \S+"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which a student's reports stay below the test's folder."""
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "80"}


@pytest.fixture
def bob(tmp_path: Path) -> Path:
    """A submission that loses 01d."""
    return submission(tmp_path / "bob", uncaught_sh=CAUGHT)


@pytest.fixture
def alice(tmp_path: Path) -> Path:
    """A submission with 01d alone, which is right."""
    return submission(tmp_path / "alice", uncaught_sh=UNCAUGHT)


def check(
    *arguments: str | Path, env: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `grader check` in pipes."""
    return subprocess.run(
        [GRADER, "check", *map(str, arguments)],
        cwd=cwd, env=environment(**env), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False, timeout=180,
    )  # fmt: skip


def reports(tmp_path: Path) -> list[dict[str, Any]]:
    """All reports that checks have left."""
    return [json.loads(path.read_bytes()) for path in (tmp_path / "state").rglob("report.json")]


def lab_that_hides(folder: Path, hidden: dict[str, Any]) -> Path:
    """A copy of the lab's rubric, by its own modules, in which 01d hides checks."""
    lab = folder / "lab"
    lab.mkdir()
    text = yaml.safe_load((REPO / "tests_lab" / "lab.yaml").read_text())
    text["tasks"] = {"01d": text["tasks"]["01d"] | {"hidden_until": hidden}}
    (lab / "lab.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    (lab / "task_01d.py").write_bytes((REPO / "tests_lab" / "task_01d.py").read_bytes())
    (lab / "topologies").symlink_to(REPO / "fixtures" / "topologies")
    return lab


# --- what it says ---------------------------------------------------------------------------------


def test_a_lost_point_is_explained(bob: Path, home: dict[str, str]) -> None:
    """What was expected, the student's line, counters, page, evidence and how to repeat it."""
    found = check(bob, "--task", "01d", "--seed", "7", env=home)
    assert found.returncode == 1, found.stdout + found.stderr
    assert re.search(
        r"^01d  A packet that iptables cannot catch +0 / 2$", found.stdout, re.MULTILINE
    )
    assert "  FAILED 01d.leaves  -1.5  A packet leaves the host past iptables\n" in found.stdout
    assert "    expected a packet on eth0 or veth-host while every policy is DROP" in found.stdout
    assert "    uncaught.sh\n      │ ping -c 1 -W 1 8.8.8.8\n" in found.stdout
    assert re.search(r"│ iptables-legacy -t raw OUTPUT: policy DROP \[\d+ packets\]", found.stdout)
    assert "    read   man 8 iptables; man 7 packet\n" in found.stdout
    assert f"    again  ./lab grader check {bob} --task 01d --seed 7\n" in found.stdout
    assert "SKIPPED -0.5  not judged" in found.stdout
    assert "bob: 0 / 2\nseed 7, report in " in found.stdout


def test_the_packet_is_shown_as_tcpdump_does(tmp_path: Path, home: dict[str, str]) -> None:
    """A packet that the message names is decoded: IP header, ends, and what it says."""
    command = "tcpdump -n -# -ttttt --nano -X -i $IFACE 'udp dst port 1123 or tcp src port 80'\n"
    dora = submission(tmp_path / "dora", tcpdump_sh=command)
    found = check(dora, "--task", "01a", "--seed", "7", env=home | {"COLUMNS": "200"})
    assert found.returncode == 1
    number = re.search(r"the first of them packet (\d+)", found.stdout)
    assert number is not None, found.stdout + found.stderr
    shown = found.stdout.partition("    wire.pcap\n      │ ")[2]  # not the message's own word
    assert shown.startswith(f"packet {number[1]}: IP (tos 0x0, ttl 64")
    assert re.search(r"│   [\d.]+ > [\d.]+\.123: NTPv4, Client, length 48\n", shown)


def test_the_rule_is_shown_with_its_counter(tmp_path: Path, home: dict[str, str]) -> None:
    """A rule in question stands there as iptables-save has it, with what it counted."""
    eve = submission(tmp_path / "eve", iptables_log_sh=LOGS_WRONG)
    env = home | {"COLUMNS": "200"}
    found = check(eve, "--task", "01b", "--sandbox", "netns", "--seed", "7", env=env)
    assert found.returncode == 3, found.stdout + found.stderr  # the kernel log needs a microVM
    assert "FAILED 01b.prefix" in found.stdout
    assert re.search(
        r"    rules.txt\n      │ iptables-nft -t filter -A OUTPUT .*\n.*\[[1-9]\d* packets\]",
        found.stdout,
    )


def test_verdicts_are_the_reports(alice: Path, tmp_path: Path, home: dict[str, str]) -> None:
    """What is shown stands in report.json, which lies outside of the submission."""
    found = check(env=home, cwd=alice)  # all tasks, of which one was handed in
    (report,) = reports(tmp_path)
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"alice: {report['score']:g} / {report['max_score']:g}\n" in found.stdout
    assert report["score"] == 2
    assert [path.name for path in alice.iterdir()] == ["uncaught.sh"]


def test_all_right_is_0(alice: Path, home: dict[str, str]) -> None:
    """With all points the code is 0, and a task is one line."""
    found = check(alice, "--task", "01d", env=home)
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.fullmatch(r"\n01d .* 2 / 2\n\nalice: 2 / 2\nseed \d+, .*\n", found.stdout)


def test_could_not_grade_is_3(alice: Path, tmp_path: Path, home: dict[str, str]) -> None:
    """Without an image nothing is lost, the remedy is told, and the code is 3."""
    env = home | {"XDG_CACHE_HOME": str(tmp_path / "none")}
    found = check(alice, "--task", "01d", env=env)
    assert found.returncode == 3
    assert "UNSUPPORTED 01d.leaves" in found.stdout
    assert "remedy run: ./lab grader image build" in found.stdout
    assert "2 checks could not be graded here, which costs you nothing" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere: expected a folder to check"),
        (["."], "expected a submission, found none of its files: tcpdump.sh"),
        (["bob", "--task", "9z"], "--task: expected 01a, 01b"),
        (["bob", "--sandbox", "moon"], "--sandbox: expected auto"),
    ],
)
def test_bad_usage_is_2(
    arguments: list[str], told: str, bob: Path, tmp_path: Path, home: dict[str, str]
) -> None:
    """What cannot be done is said, with the code 2, before anything is graded."""
    found = check(*arguments, env=home, cwd=bob.parent)
    assert found.returncode == 2, found.stdout + found.stderr
    assert told in found.stderr
    assert not reports(tmp_path)


# --- how it looks ---------------------------------------------------------------------------------


def test_piped_is_plain(bob: Path, home: dict[str, str]) -> None:
    """In pipes there is no colour, no moving line, and no blank at a line's end."""
    found = check(bob, "--task", "01d", env=home)
    assert COLOUR not in found.stdout + found.stderr
    assert "\r" not in found.stderr
    assert "checking 01d\nFAILED 01d.leaves: " in found.stderr
    assert not re.search(r" $", found.stdout, re.MULTILINE)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_fits_the_terminal(columns: int, bob: Path, tmp_path: Path, home: dict[str, str]) -> None:
    """At each width no line but a path is longer than the terminal; there are colours."""
    env = {name: value for name, value in home.items() if name != "COLUMNS"}
    options = ("--task", "01d", "--report-dir", tmp_path / "r")
    with at_a_terminal("check", bob, *options, env=env, columns=columns) as somebody:
        seen = somebody.sees(r"[\s\S]*" + ENDED, within=60)[0]
        assert somebody.leaves() == 1
    assert COLOUR in seen
    last = seen.rpartition("\x1b[2K")[2]  # below the line that moves
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", last)
    lines = [line.strip("\r") for line in plain.split("\n")]
    assert "01d.leaves" in plain
    assert not [one for one in lines if len(one) > columns and str(tmp_path) not in one]


def test_no_color(bob: Path, home: dict[str, str]) -> None:
    """With NO_COLOR a terminal gets no colours (no-color.org)."""
    env = home | {"NO_COLOR": "1"}
    with at_a_terminal("check", bob, "--task", "01d", env=env) as somebody:
        seen = somebody.sees(r"[\s\S]*" + ENDED, within=60)[0]
        somebody.leaves()
    assert not re.search(r"\x1b\[(?:\d+;)*3[0-7]m", seen)


def test_ascii(bob: Path, home: dict[str, str]) -> None:
    """Where only ASCII can be written, it is: nothing fails, and the words are the same."""
    found = check(bob, "--task", "01d", env=home | {"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 1
    assert (found.stdout + found.stderr).isascii()
    assert "    uncaught.sh\n      | ping -c 1 -W 1 8.8.8.8\n" in found.stdout


# --- hidden checks --------------------------------------------------------------------------------


def test_hidden_checks_are_counted_and_not_named(
    alice: Path, tmp_path: Path, home: dict[str, str]
) -> None:
    """A student sees how many are hidden, their worth and date; report and pages have no more."""
    lab = lab_that_hides(tmp_path, {"policies_stay": NEVER})
    found = check(alice, "--lab", lab, env=home)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"1 check is hidden until {NEVER}, worth 0.5 points" in found.stdout
    assert "alice: 1.5 / 1.5" in found.stdout
    assert "policies_stay" not in found.stdout + found.stderr
    (report,) = reports(tmp_path)
    assert [one["id"] for one in report["tasks"][0]["checks"]] == ["01d.leaves"]
    (path,) = (tmp_path / "state").rglob("report.json")
    pages.write(path.parents[1])
    shown = [one.read_text() for one in path.parents[1].rglob("*.html")]
    assert any("01d.leaves" in one for one in shown)
    assert not any("polic" in one for one in shown)


def test_a_date_that_has_come_hides_nothing(
    alice: Path, tmp_path: Path, home: dict[str, str]
) -> None:
    """From its date on, a check is as all others."""
    found = check(
        alice, "--lab", lab_that_hides(tmp_path, {"policies_stay": "2020-01-01"}), env=home
    )
    assert "hidden" not in found.stdout
    assert "alice: 2 / 2" in found.stdout


def test_what_is_needed_is_not_hidden_longer(tmp_path: Path) -> None:
    """A check that is seen before one that it needs is a mistake in lab.yaml."""
    with pytest.raises(BadInput, match=r"'policies_stay' needs '01d\.leaves', which is hidden"):
        Lab(lab_that_hides(tmp_path, {"leaves": NEVER}))


def test_hidden_must_be_a_check(tmp_path: Path) -> None:
    """A name in hidden_until that is no check is a mistake, told with the names that are."""
    with pytest.raises(BadInput, match="hidden_until: 'leves' is no check; there are leaves, "):
        Lab(lab_that_hides(tmp_path, {"leves": NEVER}))


# --- while one works on it ------------------------------------------------------------------------


def test_watch(bob: Path, home: dict[str, str]) -> None:
    """A saved file has its tasks checked again, another nothing; Ctrl-C ends it, without noise."""
    with at_a_terminal("check", bob, "--task", "01d", "--watch", env=home) as somebody:
        somebody.sees(r"bob: .*0 / 2", within=60)
        somebody.sees("waiting for a file to be saved; Ctrl-C ends this", within=20)
        (bob / "notes.txt").write_text("nothing that counts")
        (bob / "uncaught.sh").write_text(UNCAUGHT)
        shown = somebody.sees(r"([\s\S]*)bob: .*2 / 2", within=60)[1]
        assert "uncaught.sh saved" in shown
        somebody.sees("waiting for a file to be saved", within=20)
        somebody.type("\x03")
        assert somebody.leaves() == 0
    assert "Traceback" not in somebody.seen
    assert "Interrupt" not in somebody.seen


def test_keep(bob: Path, home: dict[str, str]) -> None:
    """--keep ends in a shell in the lost check's own world, and the check's code is the exit."""
    options = ("--task", "01d", "--keep", "--sandbox", "netns")
    with at_a_terminal("check", bob, *options, env=home) as somebody:
        somebody.sees("the world of 01d.leaves:", within=60)
        somebody.sees(PROMPT, within=30)
        (told,) = Path(home["XDG_STATE_HOME"]).rglob("01d.leaves/commands.txt")
        address = re.search(r"# student eth0: (\S+)/24", told.read_text())
        assert address is not None
        somebody.tries("ip -br addr show eth0", re.escape(address[1]))
        somebody.type("exit\n")
        assert somebody.leaves() == 1


def test_interrupted(bob: Path, tmp_path: Path, home: dict[str, str]) -> None:
    """Ctrl-C ends a check: what was not judged is an error of nobody's, and the code says so."""
    (bob / "uncaught.sh").write_text("sleep 600\n")
    with at_a_terminal("check", bob, "--task", "01d", env=home) as somebody:
        somebody.sees(r"01d\.leaves", within=60)
        somebody.type("\x03")
        somebody.sees("ending: what was graded is written down", within=20)
        assert somebody.leaves(within=60) == 130
    (report,) = reports(tmp_path)
    assert not report["complete"]
    verdicts = {one["verdict"] for task in report["tasks"] for one in task["checks"]}
    assert verdicts == {"ERROR"}


def test_reports_of_a_folder_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two submissions of one name have reports of their own; a gone one's are dead."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    first, second = tmp_path / "a" / "lab", tmp_path / "b" / "lab"
    for folder in (first, second):
        folder.mkdir(parents=True)
    places = [checked.reports_of(first), checked.reports_of(second)]
    assert len(set(places)) == 2
    assert checked.dead() == []
    second.rmdir()
    assert checked.dead() == [places[1]]
