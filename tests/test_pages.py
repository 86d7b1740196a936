"""The reports as pages: they say what the reports say, to everybody, and nothing in them runs."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from browser import DESKTOP, PHONE, View, chromium, view
from hostile_reports import (
    RUBRIC,
    TERABYTE,
    broken,
    failed,
    hostile,
    pcap,
    png,
    report,
    store,
)
from runs import REFERENCE, REPO, Graded, grade
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.ntp import NTP

from grader import pages
from grader.check import Verdict
from grader.classbook import SUMMARY, Row, write_summary
from grader.errors import BadInput
from grader.pages import pcap as pcaps
from grader.pages.dissect import Dissector
from grader.pages.evidence import PACKETS
from grader.pages.png import Size, size
from grader.people import Owner
from grader.report import Result, write
from grader.roster import Person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

GRADER = str(Path(sys.executable).with_name("grader"))
MAC = "02:00:00:00:00:01"
HOST = IP(src="10.0.0.2", dst="8.8.8.8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """A real run: alice's log rule, which loses points, and a plot without units."""
    home = tmp_path_factory.mktemp("graded")
    targets = (REPO / "submissions" / "alice", REFERENCE)
    run = grade(*targets, "-k", "01b or 01d or plot", "--sandbox=netns", "--seed=7", home=home)
    assert run.code in {1, 3}, run.out + run.err
    pages.write(run.reports)
    return run


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages on a class that attacks its reader, and on reports that are none."""
    reports = tmp_path_factory.mktemp("attacked") / "reports"
    hostile(reports)
    broken(reports)
    pages.write(reports)
    return reports


def html_of(reports: Path, name: str = "") -> str:
    """The text of a page."""
    return (reports / name / pages.INDEX).read_text(encoding="utf-8")


# --- what they say ---------------------------------------------------------------------------


def test_a_students_page_says_what_the_report_says(graded: Graded, browser: Browser) -> None:
    """Verdict, points, title, message, hint and evidence of each check stand on the page."""
    with view(browser) as window:
        window.go(graded.reports / "alice" / pages.INDEX)
        window.open_details()
        shown = " ".join(window.page.inner_text("body").split())
    for id_, one in graded.checks("alice").items():
        assert f"{id_} · {one['points']:g} / {one['max_points']:g}" in shown
        assert f"{one['verdict']} {one['title']}" in shown or f"{one['title']} " in shown
        assert " ".join(one["message"].split()) in shown
        if one["verdict"] == "FAILED":
            assert " ".join(one["hint"].split()) in shown
            for path in one["evidence"]:
                assert path.rpartition("/")[2] in shown
    report_ = graded.report("alice")
    assert f"{report_['score']:g} of {report_['max_score']:g} points" in shown


def test_a_lost_check_has_its_replay_packets_and_picture(graded: Graded, browser: Browser) -> None:
    """The command to run it again, a table of real packets, and a drawn plot are there to see."""
    with view(browser) as window:
        window.go(graded.reports / "alice" / pages.INDEX)
        window.open_details()
        page = window.page
        lost = page.locator('[id="01b.only_root"]')
        assert "submissions/alice::01b --seed=7" in lost.inner_text()
        rows = lost.locator("table.packets tbody tr")
        assert rows.count() > 20
        assert "[SYN] Seq=0" in lost.inner_text()
        assert "0x0000:" in lost.inner_text()
        image = page.locator('[id="04c.plot_units"] img').first
        assert image.evaluate("one => one.naturalWidth") > 100


def test_the_overview_counts_and_leads_on(graded: Graded, browser: Browser) -> None:
    """The class's page has each student with points, what fails, who is incomplete, and links."""
    with view(browser) as window:
        window.go(graded.reports / pages.INDEX)
        text = window.page.inner_text("main")
        assert "1 of 2" in text
        assert "01b.only_root" in text
        assert "1 UNSUPPORTED (0.25 points): alice, reference" in text
        window.page.click("th a:text-is('alice')")
        assert window.page.inner_text("h1") == "alice"
        window.page.click("nav a")
        assert window.page.inner_text("h1") == "lab06"


def summarized(reports: Path) -> Path:
    """A class of three with a summary: a group, a late one, and one who handed in nothing."""
    lost = failed("01a.runs")
    for name in ("team-1", "bob"):
        store(reports, name, lost)
    people = [Person(submission="team-1", name=name) for name in ("Ana <b>", "=Zoe")]
    rows = [
        Row("team-1", Owner(people, late_days=0), score=1),
        Row("bob", Owner(members=("Bob",), late_days=2), score=1),
        Row("dan", fault="not handed in"),
    ]
    write_summary(reports / SUMMARY, rows, RUBRIC)
    return reports


def test_late_days_and_people_are_shown(tmp_path: Path, browser: Browser) -> None:
    """Whose a submission is and how late stands beside it, and who has handed in nothing below."""
    pages.write(summarized(tmp_path))
    with view(browser) as window:
        window.go(tmp_path / pages.INDEX)
        shown = [row.split() for row in window.page.locator("tbody").first.inner_text().split("\n")]
        assert [(row[0], row[-1]) for row in shown if "/" in row] == [("bob", "2"), ("team-1", "✗")]
        assert "Without a report: dan." in window.page.inner_text("main")
        window.page.click("th a:text-is('bob')")
        assert "2 days late" in window.page.inner_text("header")
        window.go(tmp_path / "team-1" / pages.INDEX)
        assert "Ana <b>, =Zoe\n" in window.page.inner_text("header")
        assert "late" not in window.page.inner_text("header")


def test_people_are_hidden_on_wish(tmp_path: Path) -> None:
    """Anonymous pages have the late days and nobody's name."""
    index = pages.write(summarized(tmp_path), anonymous=True)
    shown = " ".join(path.read_text() for path in index.parent.iterdir())
    assert "2 days late" in shown
    assert "Without a report: 1." in shown
    assert not re.search(r"Ana|Zoe|Bob|\bdan\b", shown)


@pytest.mark.parametrize("data", [b"\xff", b"a,b\nc\n", b"id,name\n"])
def test_a_summary_that_is_none(data: bytes, tmp_path: Path) -> None:
    """It is named on the class's page, which has all else."""
    store(tmp_path, "bob", failed("01a.runs"))
    (tmp_path / SUMMARY).write_bytes(data)
    pages.write(tmp_path)
    assert f"{tmp_path}/{SUMMARY}:" in html_of(tmp_path)
    assert "bob/index.html" in html_of(tmp_path)


def test_what_was_skipped_counts_where_it_was_lost(tmp_path: Path) -> None:
    """The points of checks that were skipped are lost with the one that they all wait for."""
    needs = {"first": "01a.runs, which is FAILED", "next": "01a.first, which is SKIPPED"}
    skipped = [
        Result(f"01a.{name}", name, Verdict.SKIPPED, 0.0, 2.0, "netns", f"it needs {need}")
        for name, need in needs.items()
    ]
    store(tmp_path, "bob", failed("01a.runs"), *skipped)
    pages.write(tmp_path)
    cells = r">(\d+ of \d+)</td><td class=.right.>([\d.]+)<"
    ((lost, points),) = re.findall(cells, html_of(tmp_path))
    assert (lost, points) == ("1 of 1", "5")


def test_a_named_packet_is_shown(tmp_path: Path, browser: Browser) -> None:
    """The packet that a message names is shown with it, however late in the capture it is."""
    frames = [bytes(Ether(src=MAC, dst=MAC) / HOST / UDP(sport=n, dport=9)) for n in range(1, 401)]
    wanted = failed("01a.decoys", "01a.decoys/wire.pcap", message="see packet 300 (UDP)")
    folder = store(tmp_path, "a", wanted)
    (folder / "01a.decoys").mkdir()
    (folder / "01a.decoys" / "wire.pcap").write_bytes(pcap(*frames))
    pages.write(tmp_path)
    with view(browser) as window:
        window.go(folder / pages.INDEX)
        assert (
            window.page.locator("tr.named:visible").locator("td").first.inner_text().endswith("300")
        )
        assert window.page.locator("details table tbody tr").count() == PACKETS + 12


def test_the_same_evidence_is_shown_once(tmp_path: Path) -> None:
    """Of two checks with the same file, the second one's leads to the first one's."""
    paths = ("01a.runs/out.txt", "01a.decoys/out.txt")
    folder = store(tmp_path, "a", failed("01a.runs", paths[0]), failed("01a.decoys", paths[1]))
    for path in paths:
        (folder / path).parent.mkdir()
        (folder / path).write_text("the same words")
    pages.write(tmp_path)
    assert html_of(tmp_path, "a").count("the same words") == 1
    assert "under 01a.runs</a>" in html_of(tmp_path, "a")


def test_pages_are_made_anew(tmp_path: Path) -> None:
    """Another report makes another page; the same reports make the same bytes."""
    store(tmp_path, "a", failed("01a.runs"))
    pages.write(tmp_path)
    first = html_of(tmp_path), html_of(tmp_path, "a")
    pages.write(tmp_path)
    assert (html_of(tmp_path), html_of(tmp_path, "a")) == first
    write(report("a", failed("01a.runs", message="another")), tmp_path / "a" / "report.json")
    pages.write(tmp_path)
    assert "another" in html_of(tmp_path, "a")


ASKED = DNSQR(qname="a.ro")
ANSWER = DNS(id=7, qr=1, qd=ASKED, an=DNSRR(rrname="a.ro", rdata="1.2.3.4"))
GET = b"GET / HTTP/1.1\r\n\r\n"
LINES = {
    "Who has 10.0.0.1? Tell 10.0.0.2": ARP(op=1, psrc="10.0.0.2", pdst="10.0.0.1"),
    "10.0.0.1 is at 02:00:00:00:00:01": ARP(op=2, psrc="10.0.0.1", hwsrc=MAC),
    "Standard query 0x0007 A a.ro · 4000 → 53, ttl=64": (
        HOST / UDP(sport=4000, dport=53) / DNS(id=7, qd=ASKED)
    ),
    "Standard query response 0x0007 A a.ro A 1.2.3.4 · 53 → 40, ttl=64": (
        HOST / UDP(sport=53, dport=40) / ANSWER
    ),
    "NTP version 4, client · 4000 → 123": HOST / UDP(sport=4000, dport=123) / NTP(version=4),
    "4000 → 80 [SYN] Seq=0 Win=5 Len=0 MSS=1460": (
        HOST / TCP(sport=4000, dport=80, flags="S", seq=9, window=5, options=[("MSS", 1460)])
    ),
    "GET / HTTP/1.1 · 4001 → 80 [PSH, ACK] Seq=0 Ack=1 Win=5 Len=18": (
        HOST / TCP(sport=4001, dport=80, flags="PA", seq=9, ack=4, window=5) / GET
    ),
    "Echo (ping) request id=0x0001, seq=2, ttl=64": HOST / ICMP(type=8, id=1, seq=2),
    "Time-to-live exceeded in transit, ttl=64": HOST / ICMP(type=11) / HOST,
    "Destination unreachable (port), ttl=64": HOST / ICMP(type=3, code=3) / HOST,
    "Echo Request, seq=3": IPv6(src="fd00::1", dst="fd00::2") / ICMPv6EchoRequest(seq=3),
}


@pytest.mark.parametrize(("line", "packet"), LINES.items(), ids=LINES.keys())
def test_a_packet_is_told_in_a_line(packet: object, line: str) -> None:
    """What lab packets say is told in the words of Wireshark."""
    frame = bytes(Ether(src=MAC, dst=MAC) / packet)
    assert Dissector().line(pcaps.Frame(1, 0, frame, len(frame))).info == line


def test_tcps_numbers_are_relative() -> None:
    """Sequence numbers count from each side's SYN."""
    there = IP(src="8.8.8.8", dst="10.0.0.2")
    packets = [
        HOST / TCP(sport=1, dport=80, flags="S", seq=4_294_967_295),
        there / TCP(sport=80, dport=1, flags="SA", seq=500, ack=0),
        HOST / TCP(sport=1, dport=80, flags="A", seq=0, ack=501),
    ]
    dissector = Dissector()
    told = [
        dissector.line(pcaps.Frame(1, 0, bytes(Ether(src=MAC, dst=MAC) / one), 1)).info
        for one in packets
    ]
    assert [re.findall(r"Seq=\d+(?: Ack=\d+)?", one)[0] for one in told] == [
        "Seq=0",
        "Seq=0 Ack=1",
        "Seq=1 Ack=1",
    ]


# --- for everybody ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_nothing(graded: Graded, browser: Browser, width: int, scheme: str) -> None:
    """Pages are accessible, folded and unfolded, and never wider than a phone."""
    with view(browser, width=width, scheme=scheme) as window:
        for name in ("", "alice", "reference"):
            window.go(graded.reports / name / pages.INDEX)
            assert window.faults() == []
            window.open_details()
            assert window.faults() == []
            assert window.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_whatever_is_reported(
    attacked: Path, browser: Browser, scheme: str
) -> None:
    """Every verdict, and names and texts of any kind, are accessible, too."""
    with view(browser, width=PHONE, scheme=scheme) as window:
        for name in ("", "plain"):
            window.go(attacked / name / pages.INDEX)
            window.open_details()
            assert window.faults() == []
            assert window.page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_all_can_be_reached_by_keyboard(graded: Graded, browser: Browser) -> None:
    """Tab reaches every link, every fold and every part that scrolls."""
    count = "document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length"
    with view(browser) as window:
        window.go(graded.reports / pages.INDEX)
        for _ in range(expected := window.page.evaluate(count)):
            window.page.keyboard.press("Tab")
            window.page.evaluate("document.activeElement.dataset.reached = 1")
        reached = window.page.locator("[data-reached]:not(body)").count()
    assert reached == expected


# --- nothing runs, nothing leaves ------------------------------------------------------------


def has_run(window: View) -> bool:
    """Whether any attack came through."""
    ran = window.page.evaluate("document.documentElement.dataset.ran !== undefined")
    return bool(ran or window.dialogs)


def test_nothing_of_a_submission_runs(attacked: Path, browser: Browser) -> None:
    """Markup in any name, text or file is shown as text; the page loads itself and real PNGs."""
    with view(browser) as window:
        for index in sorted(attacked.rglob(pages.INDEX)):
            window.requests.clear()
            window.go(index)
            window.open_details()
            window.page.evaluate("document.images.length && document.images[0].decode()")
            assert not has_run(window), index
            outside = [url for url in window.requests[1:] if not url.endswith("/real.png")]
            assert [url for url in outside if not url.startswith("data:")] == []
            script = "script, object, iframe, embed, form, base, [onerror], [onload]"
            assert window.page.locator(script).count() == 0


def test_links_lead_to_what_a_browser_does_not_run(attacked: Path, browser: Browser) -> None:
    """Whatever a link leads to stays in the reports, and runs nothing when it is opened."""
    with view(browser) as window:
        window.go(attacked / "plain" / pages.INDEX)
        links = window.page.evaluate("[...document.querySelectorAll('a')].map(a => a.href)")
        assert any(link.endswith(".sh") for link in links)
        for link in sorted(set(links)):
            path = Path(unquote(urlsplit(link).path))
            assert urlsplit(link).scheme == "file"
            assert attacked.resolve() in path.parents
            if path.stat().st_size < TERABYTE and path.is_file():
                try:
                    window.page.goto(link)
                except Exception as error:  # a download; playwright has no type for it
                    assert "Download is starting" in str(error), link  # noqa: PT017
                else:
                    assert not has_run(window), link


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine, and what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_the_policy_stops_what_would_get_through(
    graded: Graded, browser: Browser, elsewhere: tuple[str, list[str]]
) -> None:
    """A script, a handler, a style or a request in the page itself is refused by the browser."""
    url, asked = elsewhere
    insert = """url => {
        const box = document.body.appendChild(document.createElement('div'));
        box.innerHTML = '<img src=x: onerror="document.documentElement.dataset.ran = 1">'
            + `<img src="${url}/a.png"><link rel=stylesheet href="${url}/a.css">`
            + `<iframe src="${url}/frame"></iframe><p style="color: red">`;
        const script = document.createElement('script');
        script.textContent = 'document.documentElement.dataset.ran = 1';
        box.append(script);
        return fetch(`${url}/fetch`).catch(() => 'refused');
    }"""
    with view(browser) as window:
        window.go(graded.reports / pages.INDEX)
        assert window.page.evaluate(insert, url) == "refused"
        colour = "getComputedStyle(document.querySelector('div > p')).color"
        assert window.page.evaluate(colour) != "rgb(255, 0, 0)"
        assert not has_run(window)
        window.page.goto(f"{url}/control")
    # A browser asks for an icon by itself, but of the pages before it asked for nothing at all.
    assert [path for path in asked if path != "/favicon.ico"] == ["/control"]


def test_every_name_has_a_page(attacked: Path, browser: Browser) -> None:
    """Whatever a student's folder is called, the class's page leads to the student's page."""
    with view(browser) as window:
        window.go(attacked / pages.INDEX)
        names = window.page.locator("tbody th a").all_inner_texts()
        assert {"a b#c?d%41&e", "ünïcödé 学生", "x:y", "javascript:1"} <= set(names)
        for at, name in enumerate(names):
            window.page.locator("tbody th a").nth(at).click()
            assert window.page.inner_text("h1") == name
            window.page.click("nav a")


def test_control_characters_are_spelt_out(attacked: Path) -> None:
    """A change of direction, an escape or a NUL is shown by its number."""
    text = html_of(attacked, "plain")
    assert not set("\u202e\u2066\x1b\x00\x07") & set(text)
    assert "\\x1b]0;title\\x07\\x202egnp.exe" in text


# --- limits ----------------------------------------------------------------------------------


def test_evidence_is_not_followed_out_of_the_reports(attacked: Path) -> None:
    """Neither .. nor an absolute path nor a link shows a file of this machine."""
    assert "root:x:0:0" not in html_of(attacked, "plain")
    assert html_of(attacked, "plain").count("it does not lie in the report&#39;s folder") >= 4


def test_files_of_any_size_make_a_page_of_some(attacked: Path) -> None:
    """Files of a terabyte, pipes and folders are named, and the page stays small."""
    text = html_of(attacked, "plain")
    assert len(text) < 2_000_000
    assert re.search(r"pipe\.txt</span> <span[^>]*>cannot be read", text)
    assert re.search(r"pipe\.pcap</span> <span[^>]*>cannot be read", text)
    assert "is not shown as a picture: it has 1,099,511,627,776 bytes" in text
    assert "more than 200,000 packets" in text


BROKEN_PCAPS = {
    "nothing": (b"", "this is no pcap file"),
    "gzip": (b"\x1f\x8b" + bytes(40), "this is no pcap file"),
    "pcapng": (b"\x0a\x0d\x0d\x0a" + bytes(40), "this is no pcap file"),
    "another link": (pcap(b"abc", linktype=113), "its packets are not Ethernet's (link type 113)"),
    "cut off": (pcap(b"abc", b"defghi")[:-2], "packet 2 is cut off"),
    "cut in a header": (pcap(b"abc", b"defghi")[:-9], "packet 2 is cut off"),
    "a false length": (
        pcap(b"abc") + b"\0" * 8 + b"\xff" * 8,
        "packet 2 claims 4,294,967,295 bytes",
    ),
}


@pytest.mark.parametrize(("data", "fault"), BROKEN_PCAPS.values(), ids=BROKEN_PCAPS.keys())
def test_a_malformed_capture_is_told(data: bytes, fault: str) -> None:
    """Of a capture that is broken somewhere, what stands before is shown, and the fault."""
    found = pcaps.read(io.BytesIO(data), wanted=lambda _: True, longest=100)
    assert found.fault == fault
    assert found.count == len(found.some) == (1 if "packet 2" in fault else 0)


def test_any_bytes_make_a_line() -> None:
    """No frame, however it is cut or changed, stops a page."""
    whole = bytes(Ether() / HOST / UDP(sport=1, dport=53) / DNS(qd=DNSQR(qname="a.ro")))
    dissector = Dissector()
    for at in range(len(whole)):
        for data in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :]):
            assert isinstance(dissector.line(pcaps.Frame(1, 0, data, len(data))).info, str)


def test_only_real_pictures_of_a_sane_size_are_shown() -> None:
    """A PNG's header decides; nothing is decoded."""
    good, bomb = png(40, 30), png(60_000, 60_000, pixels=False)
    assert size(good, len(good)) == Size(40, 30)
    assert size(bomb, len(bomb)) == "it claims 60,000 by 60,000 pixels"
    assert size(good, 9_000_000) == "it has 9,000,000 bytes; at most 8,388,608 are shown"
    assert size(b"<svg onload=1>", 14) == "it is no PNG picture"
    assert size(good[:20], 20) == "it is no PNG picture"


def test_a_broken_report_is_named_and_the_others_shown(tmp_path: Path, browser: Browser) -> None:
    """The class's page names each file that is no report; the rest of the class has its pages."""
    names = broken(tmp_path)
    store(tmp_path, "whole", failed("01a.runs"))
    pages.write(tmp_path)
    with view(browser) as window:
        window.go(tmp_path / pages.INDEX)
        faults = window.page.locator("section.lost li").all_inner_texts()
        assert window.page.locator("tbody th a").all_inner_texts() == ["whole"]
        assert not has_run(window)
    assert len(faults) == len(names)
    for name in names:
        assert any(f"/{name}/report.json: expected a report, found: " in one for one in faults)


def test_a_name_that_is_no_utf8_has_a_page(tmp_path: Path) -> None:
    """A folder whose name is no text is shown by its bytes, and linked."""
    name = "ren\udce9"  # Latin-1's é, as Python reads it from a folder
    store(tmp_path, name, failed("01a.runs"))
    pages.write(tmp_path)
    assert 'href="ren%E9/index.html">ren\\xdce9</a>' in html_of(tmp_path)


# --- names hidden ----------------------------------------------------------------------------


def test_names_are_hidden_on_wish(tmp_path: Path, browser: Browser) -> None:
    """Anonymous pages have no name in or on them, and lead nowhere else."""
    wanted = failed("04c.plot_units", "04c.plot_units/commands.txt", "04c.plot_units/f.png")
    folder = store(tmp_path, "zoe", wanted)
    store(tmp_path, "ali", failed("01a.runs", message="see reports/ali/01a.runs"))
    (folder / "04c.plot_units").mkdir()
    (folder / "04c.plot_units" / "commands.txt").write_text(
        "# again: ./lab pytest class/zoe::04c\n"
    )
    (folder / "04c.plot_units" / "f.png").write_bytes(png(40, 30))
    index = pages.write(tmp_path, anonymous=True)
    with view(browser) as window:
        for path in index.parent.iterdir():
            text = path.name + path.read_text()
            assert not re.search(r"\b(zoe|ali)\b", text)
            window.go(path)
            links = window.page.evaluate("[...document.querySelectorAll('a')].map(a => a.href)")
            assert {Path(urlsplit(link).path).parent for link in links} <= {index.parent}
            pictures = "[...document.images].every(one => one.naturalWidth == 40)"
            assert window.page.evaluate(pictures)
    assert len(list(index.parent.iterdir())) == 3


# --- the command -----------------------------------------------------------------------------


def test_the_command_prints_where_the_pages_are(tmp_path: Path) -> None:
    """`grader pages` makes them and says where; without reports it says what to do, and ends 2."""
    store(tmp_path / "r", "a", Result("01a.runs", "t", Verdict.PASSED, 1.0, 1.0, "netns"))
    done = subprocess.run(
        [GRADER, "pages", "r"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "r/index.html\n"), done.stderr
    done = subprocess.run(
        [GRADER, "pages", "none"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "none: expected reports, found none\nremedy: grade first" in done.stderr


def test_without_reports_there_are_no_pages(tmp_path: Path) -> None:
    """A folder without reports is bad input, and stays as it is."""
    with pytest.raises(BadInput, match="expected reports, found none"):
        pages.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
