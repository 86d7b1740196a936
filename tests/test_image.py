"""The image: its name, its building, and what is inside."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from grader import image as images
from grader.errors import GraderError
from grader.image import Recipe
from grader.image.build import SCRATCH, scratch_prefix
from grader.machine.idmap import IdMap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALLING = "installing Debian packages"
FILTERS = (
    "udp dst port 53",
    "ip6 and tcp port 80",
    "icmp[icmptype] == icmp-echo or (udp and src net 10.0.0.0/8)",
)
ENSURE = """
import sys
from pathlib import Path
from grader import image
recipe = image.Recipe(folder=Path(sys.argv[1]), variant="extract")
print(image.ensure(recipe, progress=lambda line: print(line, flush=True)).root)
"""


@pytest.fixture
def lab_copy(tmp_path: Path) -> Path:
    """A copy of the lab's image folder, to change."""
    return shutil.copytree(Recipe().folder, tmp_path / "image")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of its own, emptied as the sandboxes' users' files need."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "netlab-grader" / "images"
    images.prune(keep_current=False)


@pytest.fixture
def small(tmp_path: Path) -> Recipe:
    """A recipe that is built for real, by mmdebstrap, in four seconds."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "packages.txt").write_text("base-files\n")
    return Recipe(folder=folder, variant="extract")


def start(recipe: Recipe) -> subprocess.Popen[str]:
    """Begin to build `recipe` in another process, which prints its progress."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", ENSURE, str(recipe.folder)], stdout=subprocess.PIPE, text=True
    )


def inside(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in the lab's image, as root of a user namespace."""
    image = images.ensure()
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with subprocess.Popen(["printf", "%s", stdin], stdout=subprocess.PIPE) as source:
        done = IdMap.for_this_user().run(
            ["chroot", ".", *argv],
            cwd=image.root,
            stdin=source.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": path},
            check=False,
        )
    return subprocess.CompletedProcess(
        argv, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


# --- its name --------------------------------------------------------------------------------


def test_identity_is_of_contents(lab_copy: Path) -> None:
    """The same inputs have the same identity wherever they lie."""
    ids = IdMap(100_000, 100_000)
    assert Recipe(folder=lab_copy).identity(ids) == Recipe().identity(ids)


@pytest.mark.parametrize(
    "name", ["packages.txt", "requirements.txt", "finish", "rootfs/etc/hosts", "rootfs/etc/new"]
)
def test_identity_changes_with_each_file(lab_copy: Path, name: str) -> None:
    """A line more in any file of the folder, or a file more, makes another image."""
    ids = IdMap(100_000, 100_000)
    with (lab_copy / name).open("a") as file:
        file.write("\nanother-line\n")
    assert Recipe(folder=lab_copy).identity(ids) != Recipe().identity(ids)


def test_identity_changes_with_the_executable_bit(lab_copy: Path) -> None:
    """A program that is no longer executable makes another image."""
    ids = IdMap(100_000, 100_000)
    (lab_copy / "rootfs/usr/local/bin/nfbpf_compile").chmod(0o644)
    assert Recipe(folder=lab_copy).identity(ids) != Recipe().identity(ids)


@pytest.mark.parametrize("field", ["suite", "variant", "architecture", "python"])
def test_identity_changes_with_each_setting(field: str) -> None:
    """Another suite, variant, architecture or Python makes another image."""
    ids = IdMap(100_000, 100_000)
    other: dict[str, Any] = {field: "other"}
    assert dataclasses.replace(Recipe(), **other).identity(ids) != Recipe().identity(ids)


def test_identity_changes_with_the_id_range() -> None:
    """The tree belongs to the sandboxes' users, so another range makes another image."""
    assert Recipe().identity(IdMap(1, 2)) != Recipe().identity(IdMap(1, 3))


def test_comments_are_no_input(lab_copy: Path) -> None:
    """A comment in packages.txt does not make another image."""
    ids = IdMap(100_000, 100_000)
    with (lab_copy / "packages.txt").open("a") as file:
        file.write("\n# a word\n")
    assert Recipe(folder=lab_copy).identity(ids) == Recipe().identity(ids)


# --- its building ----------------------------------------------------------------------------


def test_two_builds_at_once_build_once(cache: Path, small: Recipe) -> None:
    """Of two processes that want the same image, one builds it and the other says it waits."""
    with start(small) as first, start(small) as second:
        said = [first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]]
    said.sort(key=len)
    assert INSTALLING in said[1]
    assert said[0].splitlines()[0].startswith("waiting for another build")
    assert INSTALLING not in said[0]
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [images.stored()[0].id]


def test_a_killed_build_is_resumed(cache: Path, small: Recipe) -> None:
    """After SIGKILL the next build keeps the stages that were whole, and leaves nothing else."""
    with start(small) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if "downloading packages" in line:
                break
        killed.send_signal(signal.SIGKILL)
    authority = next(cache.glob(".build-*/tls/ca.crt")).read_bytes()
    said: list[str] = []
    image = images.ensure(small, progress=said.append)
    assert "making the world's certificate authority: kept from an earlier build" in said
    assert (image.tls / "ca.crt").read_bytes() == authority
    assert {path.name for path in cache.iterdir()} - {".lock"} == {image.id}
    wait_until_no_scratch()


def wait_until_no_scratch() -> None:
    """Wait until mmdebstrap, told to end, has removed its tree."""
    deadline = time.monotonic() + 20
    while left := list(SCRATCH.glob(f"{scratch_prefix()}*")):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)


def test_a_failed_build_shows_the_log(cache: Path, small: Recipe) -> None:
    """A package that does not exist is named in the error, beside the whole log's path."""
    (small.folder / "packages.txt").write_text("no-such-package\n")
    with pytest.raises(GraderError, match="no-such-package") as caught:
        images.ensure(small)
    log = next(cache.glob("*.log"))
    assert str(log) in caught.value.what
    assert caught.value.remedy
    assert not images.stored()
    wait_until_no_scratch()


def test_prune_keeps_the_current_image(cache: Path, small: Recipe) -> None:
    """Pruning removes other images and killed builds, and keeps the current one."""
    image = images.ensure(small)
    for name in ("0" * 32, ".build-1"):
        (cache / name / "rootfs").mkdir(parents=True)
    gone = images.prune(small)
    assert {path.name for path in gone} >= {"0" * 32, ".build-1"}
    assert images.find(small) == image
    assert images.prune(keep_current=False)
    assert images.find(small) is None


def test_tree_belongs_to_the_sandboxes_users(cache: Path, small: Recipe) -> None:
    """The tree is owned by the first id of the range, and any user may search its way to it."""
    before = os.umask(0o077)
    try:
        image = images.ensure(small)
    finally:
        os.umask(before)
    ids = IdMap.for_this_user()
    found = (image.root / "etc").stat()
    assert (found.st_uid, found.st_gid) == (ids.uid_base, ids.gid_base)
    for folder in (image.root, image.tls, image.root.parent, cache):
        assert folder.stat().st_mode & 0o777 == 0o755


def test_keys_are_private(cache: Path, small: Recipe) -> None:
    """Nobody else can read the keys of the authority and of the server."""
    image = images.ensure(small)
    for name in ("ca.key", "server.key"):
        assert (image.tls / name).stat().st_mode & 0o777 == 0o600


# --- what is inside --------------------------------------------------------------------------


@pytest.mark.parametrize("expression", FILTERS)
@pytest.mark.parametrize("linktype", ["RAW", "EN10MB"])
def test_nfbpf_compile_prints_what_tcpdump_does(linktype: str, expression: str) -> None:
    """nfbpf_compile's one line is the program that tcpdump -ddd prints."""
    ours = inside("nfbpf_compile", linktype, expression)
    theirs = inside("tcpdump", "-y", linktype, "-ddd", expression)
    assert ours.stdout.strip() == ",".join(theirs.stdout.split("\n")).rstrip(",")
    assert ours.stdout


def test_nfbpf_compile_is_raw_by_default() -> None:
    """Without a link type packets begin at the IP header, as iptables sees them."""
    assert inside("nfbpf_compile", "udp").stdout == inside("nfbpf_compile", "RAW", "udp").stdout


def test_nfbpf_compile_names_a_bad_expression() -> None:
    """A bad filter ends with code 1, and the error quotes it."""
    done = inside("nfbpf_compile", "udp dst prt 53")
    assert done.returncode == 1
    assert "udp dst prt 53" in done.stderr
    assert not done.stdout


def test_student_may_use_sudo() -> None:
    """The user student, id 1000, becomes root without a password."""
    assert inside("id", "-u", "student").stdout == "1000\n"
    rules = inside("sudo", "-l", "-U", "student").stdout
    assert "(ALL : ALL) NOPASSWD: ALL" in rules
    assert "!use_pty" in rules


def test_image_trusts_the_worlds_server() -> None:
    """The server's certificate is good for the world's names, by the image's own trust store."""
    certificate = (images.ensure().tls / "server.crt").read_text()
    for name in ("ocw.cs.pub.ro", "www.google.com", "fep.grid.pub.ro", "any.pub.ro"):
        store = "/etc/ssl/certs/ca-certificates.crt"
        done = inside(
            "openssl", "verify", "-CAfile", store, "-verify_hostname", name, stdin=certificate
        )
        assert done.stdout == "stdin: OK\n", done.stderr


def test_plot_scripts_have_their_modules() -> None:
    """Matplotlib and pandas draw a figure with the image's Python."""
    script = "import matplotlib, seaborn; matplotlib.use('Agg'); import matplotlib.pyplot; print(1)"
    nobody = ("setpriv", "--reuid=65534", "--clear-groups")  # who can write nothing into the image
    assert inside(*nobody, "python3", "-c", script).stdout == "1\n"


def test_every_listed_package_is_written_down() -> None:
    """image.json holds the version of each package of packages.txt."""
    versions = images.ensure().facts()["packages"]
    assert not [name for name in Recipe().packages if not versions.get(name)]


def test_python_is_precompiled() -> None:
    """The modules that sandboxes import have their bytecode: a read-only image can't get it."""
    root = images.ensure().root
    for top in (
        "usr/lib/python3/dist-packages/pyroute2",
        "usr/lib/python3/dist-packages/scapy",
        "usr/lib/python3/dist-packages/yaml",
        "usr/local/lib/python3.13/dist-packages/pandas",
    ):
        assert list((root / top / "__pycache__").glob("__init__.*.pyc")), top
