"""BPF programs, put together from instructions, loaded and attached to functions of the kernel.

libbpf, which bpftrace rests on, makes the system calls and knows the numbers of functions.

Sources: Documentation/bpf/standardization/instruction-set.rst, include/uapi/linux/bpf.h, libbpf's
bpf.h and libbpf.h, bpf-helpers(7), perf_event_open(2).
"""

import ctypes
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

STACK = 10  # the register with the stack's upper end
HELPERS = {
    "map_lookup_elem": 1,
    "map_update_elem": 2,
    "map_delete_elem": 3,
    "get_smp_processor_id": 8,
    "get_current_pid_tgid": 14,
    "ktime_get_boot_ns": 125,
}
UNLESS = {"==": 0x15, "!=": 0x55, "<=": 0xB5}
HASH, ARRAY = 1, 2
MMAPABLE = 1 << 10
KPROBE, TRACING = 2, 26
FENTRY, FEXIT, PERF_EVENT = 24, 25, 41
PERF_EVENT_OPEN = 298  # arch/x86/entry/syscalls/syscall_64.tbl
CLOSE_ON_EXEC = 8
PROBES = Path("/sys/bus/event_source/devices/kprobe")


def _instruction(code: int, to: int = 0, by: int = 0, *, offset: int = 0, number: int = 0) -> bytes:
    return struct.pack("<BBhi", code, by << 4 | to, offset, number)


def call(helper: str) -> bytes:
    """Call one of the kernel's helpers: arguments in registers 1 to 5, the result in 0."""
    return _instruction(0x85, number=HELPERS[helper])


def leave() -> bytes:
    """Return 0."""
    return put(0, 0) + _instruction(0x95)


def put(to: int, number: int) -> bytes:
    """Put a number of 64 bits into a register."""
    low, high = struct.unpack("<ii", struct.pack("<q", number))
    return _instruction(0x18, to, number=low) + _instruction(0, number=high)


def put_map(to: int, made: int) -> bytes:
    """Put a map into a register."""
    return _instruction(0x18, to, 1, number=made) + _instruction(0)


def put_value(to: int, made: int) -> bytes:
    """Put the address of an array's only value into a register."""
    return _instruction(0x18, to, 2, number=made) + _instruction(0)


def put_stack(to: int, offset: int) -> bytes:
    """Put an address in the stack into a register."""
    return move(to, STACK) + _instruction(0x07, to, number=offset)


def move(to: int, by: int) -> bytes:
    """Copy a register."""
    return _instruction(0xBF, to, by)


def lower_half(register: int) -> bytes:
    """Keep a register's lower 32 bits only."""
    return _instruction(0xBC, register, register)


def invert(register: int) -> bytes:
    """Turn all bits of a register round: n becomes -1 - n."""
    return _instruction(0xA7, register, number=-1)


def add(to: int, by: int) -> bytes:
    """Add a register to another."""
    return _instruction(0x0F, to, by)


def subtract(to: int, by: int) -> bytes:
    """Subtract a register from another."""
    return _instruction(0x1F, to, by)


def multiply(to: int, number: int) -> bytes:
    """Multiply a register."""
    return _instruction(0x27, to, number=number)


def shift_right(to: int, bits: int) -> bytes:
    """Shift a register's bits."""
    return _instruction(0x77, to, number=bits)


def load(to: int, by: int, offset: int = 0) -> bytes:
    """Load 64 bits from where a register points."""
    return _instruction(0x79, to, by, offset=offset)


def store(to: int, by: int, offset: int = 0) -> bytes:
    """Store 64 bits where register `to` points."""
    return _instruction(0x7B, to, by, offset=offset)


def add_to(to: int, by: int, offset: int = 0) -> bytes:
    """Add to 64 bits where register `to` points; whoever does so meanwhile is not lost."""
    return _instruction(0xDB, to, by, offset=offset)


def unless(register: int, relation: str, number: int, then: bytes) -> bytes:
    """Do `then` unless the register compares so, without a sign."""
    skipped = len(then) // 8
    return _instruction(UNLESS[relation], register, offset=skipped, number=number) + then


def unless_more(register: int, other: int, then: bytes) -> bytes:
    """Do `then` unless the register is at least the other."""
    return _instruction(0x3D, register, other, offset=len(then) // 8) + then


@cache
def _libbpf() -> ctypes.CDLL:
    return ctypes.CDLL("libbpf.so.1")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result), what)
    return result


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """A descriptor that is closed in the end: what is attached keeps programs and their maps."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def hash_map(entries: int) -> int:
    """A hash with keys and values of 8 bytes; returns its descriptor. Raises OSError."""
    return _checked(_libbpf().bpf_map_create(HASH, None, 8, 8, entries, None), "a hash")


def array(size: int) -> int:
    """An array with one value of so many bytes; returns its descriptor. Raises OSError."""
    # struct bpf_map_create_opts up to map_flags.
    options = struct.pack("N5II", 32, 0, 0, 0, 0, 0, MMAPABLE)
    return _checked(_libbpf().bpf_map_create(ARRAY, None, 4, size, 1, options), "an array")


def mapped(descriptor: int, size: int) -> mmap.mmap:
    """An array's value, as memory to read."""
    return mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ)


def attach_inside(function: str, code: bytes, *, at_return: bool) -> int:
    """Run a program at a function's entry or return, closest to it: fentry and fexit.

    Returns a descriptor; when it is closed, the program goes. Raises OSError.
    """
    when = FEXIT if at_return else FENTRY
    with closing(_load(TRACING, code, when, _number_of(function))) as program:
        return _checked(_libbpf().bpf_link_create(program, 0, when, None), function)


def attach_around(function: str, code: bytes, *, at_return: bool) -> int:
    """Run a program at a function's entry or return, outside of those: kprobe and kretprobe.

    Returns a descriptor; when it is closed, the program goes. Raises OSError.
    """
    with closing(_load(KPROBE, code)) as program, closing(_event(function, at_return)) as event:
        return _checked(_libbpf().bpf_link_create(program, event, PERF_EVENT, None), function)


def _load(kind: int, code: bytes, when: int = 0, function: int = 0) -> int:
    # struct bpf_prog_load_opts up to attach_btf_id.
    options = struct.pack("Ni6I0Q", 40, 0, when, 0, 0, 0, 0, function)
    count = ctypes.c_size_t(len(code) // 8)
    return _checked(_libbpf().bpf_prog_load(kind, None, b"GPL", code, count, options), "a program")


@cache
def _number_of(function: str) -> int:
    """A function's number in the kernel's BTF, where looking for it takes a while."""
    found: int = _libbpf().libbpf_find_vmlinux_btf_id(function.encode(), FENTRY)
    return _checked(found, function)


def _event(function: str, at_return: bool) -> int:  # noqa: FBT001
    name = ctypes.create_string_buffer(function.encode())
    kind = int((PROBES / "type").read_text())
    bit = int((PROBES / "format" / "retprobe").read_text().partition(":")[2])
    # struct perf_event_attr up to kprobe_func.
    wanted = struct.pack("IIQ40xQ", kind, 64, at_return << bit, ctypes.addressof(name))
    flags = ctypes.c_ulong(CLOSE_ON_EXEC)
    opened: int = _libc().syscall(PERF_EVENT_OPEN, wanted, -1, 0, -1, flags)
    return _checked(opened if opened >= 0 else -ctypes.get_errno(), function)
