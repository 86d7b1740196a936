"""What a guest starts from: the image's own kernel, and an initrd that hands over to the agent.

The initrd holds a static busybox, the modules that the image's disk needs, and a script. The
script makes the same places that the agent finds on this host (grader.machine.enter): the image
read-only as root and a second time under /machine, fresh memory on /tmp, /run and /work.

Sources: Documentation/driver-api/early-userspace/buffer-format.rst (cpio), modules.dep(5),
Documentation/admin-guide/kernel-parameters.txt.
"""

from __future__ import annotations

import gzip
import lzma
import stat
from typing import TYPE_CHECKING

from grader.errors import Unsupported
from grader.machine.client import BOOTSTRAP, OWN_KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# preempt=full: a thread can be interrupted inside of any function, as on a student's desktop.
COMMAND_LINE = (
    "console=ttyS0 quiet panic=-1 oops=panic preempt=full tsc=reliable no_timer_check "
    "random.trust_cpu=on log_buf_len=4M printk.devkmsg=on mitigations=off net.ifnames=0"
)
DISK_MODULES = ("virtio_blk", "squashfs")
# What worlds, sandboxes and the lab's rules need: loaded before the template is saved.
WARM_MODULES = (
    "veth", "bridge", "tun", "sch_fq_codel", "nf_log_syslog", "nft_compat", "nft_chain_nat",
    "ip_tables", "iptable_filter", "iptable_mangle", "iptable_nat", "iptable_raw",
    "ip6_tables", "ip6table_filter", "ip6table_mangle", "arp_tables", "arptable_filter",
    "xt_LOG", "xt_owner", "xt_multiport", "xt_bpf", "xt_HL", "xt_tcpudp", "xt_comment",
    "xt_conntrack", "xt_limit", "xt_hashlimit", "xt_mark", "xt_statistic", "xt_length", "xt_u32",
    "nft_ct", "nft_log", "nft_limit", "nft_reject_inet", "nft_counter",
)  # fmt: skip
INIT = """#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /image
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for module in /modules/*.ko; do busybox insmod $module || echo "netlab: no $module"; done
while ! [ -b /dev/vda ]; do busybox usleep 1000; done
busybox mount -t squashfs -o ro /dev/vda /image || echo "netlab: no image on the disk"
cd /image
busybox mount --bind /image machine
for place in proc sys dev; do busybox mount --move /$place $place; done
busybox mkdir -p dev/pts dev/shm
busybox mount -t devpts -o ptmxmode=666,mode=620 devpts dev/pts
busybox mount -t tmpfs -o size=64m,mode=1777 shm dev/shm
busybox mount -t tmpfs -o size=256m,mode=1777 tmp tmp
busybox mount -t tmpfs -o size=64m,mode=755 run run
busybox mount -t tmpfs -o size=64m,mode=755 work work
busybox mount -t tracefs tracing sys/kernel/tracing
busybox mount -t debugfs debug sys/kernel/debug
busybox mount -t bpf bpf sys/fs/bpf
busybox chroot . /sbin/modprobe -q -a @MODULES@
echo @HOSTNAME@ > proc/sys/kernel/hostname
echo 1 > proc/sys/net/netfilter/nf_log_all_netns
echo 0 > proc/sys/kernel/dmesg_restrict
for port in sys/class/virtio-ports/*; do
    read -r name < $port/name && [ "$name" = agent ] && agent=dev/${port##*/}
done
exec busybox env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 /bin/busybox switch_root /image \
    /usr/bin/python3 -I -c "$(busybox cat /bootstrap.py)" @OWN_KERNEL@ <> $agent >&0
"""


def kernel_release(root: Path) -> str:
    """The release of the kernel in the image below `root`. Raises Unsupported if it has none."""
    folder = root / "usr" / "lib" / "modules"
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if not found:
        raise Unsupported(
            f"the image at {root} has no kernel",
            remedy="add linux-image-cloud-amd64 and busybox-static to the image's packages.txt",
        )
    return found[-1]


def kernel(root: Path) -> Path:
    """The kernel in the image below `root`."""
    return root / "boot" / f"vmlinuz-{kernel_release(root)}"


def initrd(root: Path, hostname: str) -> bytes:
    """An initrd for the image below `root`, as QEMU's -initrd takes it."""
    script = (
        INIT.replace("@MODULES@", " ".join(WARM_MODULES))
        .replace("@HOSTNAME@", hostname)
        .replace("@OWN_KERNEL@", OWN_KERNEL)
    )
    files: dict[str, tuple[int, bytes]] = {
        "bin": (stat.S_IFDIR | 0o755, b""),
        "modules": (stat.S_IFDIR | 0o755, b""),
        "bin/busybox": (stat.S_IFREG | 0o755, (root / "usr/bin/busybox").read_bytes()),
        "init": (stat.S_IFREG | 0o755, script.encode()),
        "bootstrap.py": (stat.S_IFREG | 0o644, BOOTSTRAP.encode()),
    }
    for number, path in enumerate(_with_needed(root, DISK_MODULES)):
        # insmod takes them in the order of their names.
        files[f"modules/{number:02d}.ko"] = (
            stat.S_IFREG | 0o644,
            lzma.decompress(path.read_bytes()),
        )
    return gzip.compress(_cpio(files), compresslevel=1, mtime=0)


def _with_needed(root: Path, names: tuple[str, ...]) -> list[Path]:
    """The files of modules and of all that they need, in the order in which they load."""
    folder = root / "usr" / "lib" / "modules" / kernel_release(root)
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, needed = line.partition(":")
        needs[path] = needed.split()
    by_name = {path.rpartition("/")[2].partition(".")[0]: path for path in needs}
    ordered: dict[str, None] = {}
    for name in names:
        path = by_name[name]
        # modules.dep lists what is needed last first.
        ordered |= dict.fromkeys([*reversed(needs[path]), path])
    return [folder / path for path in ordered]


def _cpio(files: dict[str, tuple[int, bytes]]) -> bytes:
    """An archive in the "newc" form: name to mode and content, all owned by root."""
    return b"".join(_members({**files, "TRAILER!!!": (0, b"")}))


def _members(files: dict[str, tuple[int, bytes]]) -> Iterator[bytes]:
    for number, (name, (mode, data)) in enumerate(files.items(), start=1):
        encoded = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(f"{field:08x}".encode() for field in fields) + encoded
        yield head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
