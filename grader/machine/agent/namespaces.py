"""The system calls under namespaces and mounts that Python does not wrap, and roots made of them.

Sources: unshare(2), setns(2), mount(2), pivot_root(2), prctl(2), user_namespaces(7), open_tree(2),
mount_setattr(2), move_mount(2).
"""

import ctypes
import os
import struct
from collections.abc import Mapping
from contextlib import suppress

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
ALL_BUT_USER = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
)

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_NOATIME = 0x400
MS_NODIRATIME = 0x800
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_RELATIME = 0x200000
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

# x86-64
SYS_PIVOT_ROOT, SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 155, 428, 429, 442
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOUNT_ATTR_IDMAP = 0x1, 0x4, 0x100000

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result == -1:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones (unshare(2))."""
    _checked(_libc.unshare(flags), f"unshare {flags:#x}")


def setns(fd: int, flags: int) -> None:
    """Join the namespace(s) behind `fd`, a /proc/PID/ns file or a pidfd (setns(2))."""
    _checked(_libc.setns(fd, flags), f"setns {flags:#x}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount `source` on `target` (mount(2))."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    _checked(result, f"mount {source} on {target}")


def prctl(option: int, value: int = 0) -> None:
    """Change a property of this process (prctl(2))."""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show `source` at `target` too; mounts below `source` are left out."""
    mount(source, target, flags=MS_BIND)
    if read_only:
        # A remount must keep the flags that the source's mount is locked to (mount(2)).
        mount("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | _flags_of(target))


def show_as_owned_by(users: int, path: str) -> None:
    """Show the mount at `path` with the owners that it has in the user namespace behind `users`."""
    tree = _checked(
        _libc.syscall(SYS_OPEN_TREE, AT_FDCWD, path.encode(), OPEN_TREE_CLONE | os.O_CLOEXEC),
        f"open_tree {path}",
    )
    attributes = struct.pack("4Q", MOUNT_ATTR_IDMAP, 0, 0, users)
    _checked(
        _libc.syscall(SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, attributes, ctypes.c_size_t(32)),
        f"mount_setattr {path}",
    )
    _checked(
        _libc.syscall(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, path.encode(), MOVE_MOUNT_F_EMPTY_PATH),
        f"move_mount {path}",
    )
    os.close(tree)


def _flags_of(path: str) -> int:
    """The mount flags of `path`'s mount; statvfs(3) names the same bits otherwise."""
    found = os.statvfs(path).f_flag
    same = {
        os.ST_NOSUID: MS_NOSUID,
        os.ST_NODEV: MS_NODEV,
        os.ST_NOEXEC: MS_NOEXEC,
        os.ST_NOATIME: MS_NOATIME,
        os.ST_NODIRATIME: MS_NODIRATIME,
        os.ST_RELATIME: MS_RELATIME,
    }
    return sum(flag for name, flag in same.items() if found & name)


def enter_root(
    image: str, *, tmpfs: Mapping[str, str], binds: Mapping[str, str] | None = None
) -> None:
    """Make the folder `image`, read-only, this mount namespace's root, with fresh pseudo files.

    `tmpfs` maps folders of the image to mount options (`size=64m,nr_inodes=4k,mode=1777`),
    `binds` maps folders of the image to what is shown there. All else of the former root is
    out of reach afterwards. `image` may be relative, so that it is found under a folder that
    the new user namespace's root may not search.
    """
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    bind(image, image, read_only=True)
    os.chdir(image)
    for target, source in (binds or {}).items():
        bind(source, target.lstrip("/"), read_only=True)
    mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    with suppress(OSError):  # refused where the parent's /sys is covered, as in a container
        mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    _make_devices()
    for target, options in tmpfs.items():
        mount("tmpfs", target.lstrip("/"), "tmpfs", MS_NOSUID | MS_NODEV, options)
    _checked(_libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount the former root")
    os.chdir("/")


def _make_devices() -> None:
    """Fill dev, below the current folder, with the harmless devices and a devpts of its own."""
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,nr_inodes=64,mode=755")
    for name in DEVICES:
        os.close(os.open(f"dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        mount(f"/dev/{name}", f"dev/{name}", flags=MS_BIND)
    for folder in ("dev/pts", "dev/shm"):
        os.mkdir(folder, 0o755)
    mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666,mode=620")
    mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,nr_inodes=256,mode=1777")
    links = {
        "ptmx": "pts/ptmx",
        "fd": "/proc/self/fd",
        "stdin": "/proc/self/fd/0",
        "stdout": "/proc/self/fd/1",
        "stderr": "/proc/self/fd/2",
    }
    for name, where in links.items():
        os.symlink(where, f"dev/{name}")


def keep_capabilities(kept: frozenset[int]) -> None:
    """Limit this process and all it executes to the capabilities `kept` (capabilities(7))."""
    prctl_ambient_clear()
    last = int(_read("/proc/sys/kernel/cap_last_cap"))
    for capability in range(last + 1):
        if capability not in kept:
            prctl(PR_CAPBSET_DROP, capability)


def prctl_ambient_clear() -> None:
    """Empty the ambient set, which an execve(2) would otherwise carry over."""
    zero = ctypes.c_ulong(0)
    clear = ctypes.c_ulong(PR_CAP_AMBIENT_CLEAR_ALL)
    _checked(_libc.prctl(PR_CAP_AMBIENT, clear, zero, zero, zero), "prctl ambient")


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
