"""Classic BPF programs, run by the kernel over packets of our choosing."""

import ctypes
import socket
import struct

SO_ATTACH_FILTER = 26
INSTRUCTION = struct.Struct("HBBI")
LARGEST_PROGRAM = 4096


class Filters:
    """Runs programs as the kernel's own interpreter would (socket(7), SO_ATTACH_FILTER)."""

    def call_run(self, program: list[list[int]], packets: list[bytes]) -> list[bool]:
        """Which of `packets` the program, a list of [code, jt, jf, k], accepts.

        Raises OSError (EINVAL) if the kernel refuses the program.
        """
        if not 0 < len(program) <= LARGEST_PROGRAM:
            raise ValueError(f"expected 1 to {LARGEST_PROGRAM} instructions, found {len(program)}")
        code = b"".join(INSTRUCTION.pack(*instruction) for instruction in program)
        buffer = ctypes.create_string_buffer(code)
        head = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
        sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with sender, receiver:
            receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, head)
            return [_passes(sender, receiver, packet) for packet in packets]


def _passes(sender: socket.socket, receiver: socket.socket, packet: bytes) -> bool:
    try:
        sender.send(packet)
    except PermissionError:
        return False  # a filter that refuses a packet shows as EPERM to a local sender
    try:
        receiver.recv(len(packet), socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return True
