"""Messages of rtnetlink(7), written by hand and sent many at a time.

A world takes some hundred of them. One system call for each host and structs packed here make it
in a fifth of the time that a general library needs, whose import would also be most of the agent's
start. Sources: linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, netlink(7).
"""

import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address, ip_network

NEWLINK, NEWADDR, NEWROUTE, NEWNEIGH, GETNEIGHTBL = 16, 20, 24, 28, 66
REQUEST, ACK, REPLACE, EXCL, CREATE, DUMP = 0x1, 0x4, 0x100, 0x200, 0x400, 0x300
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 10, 18, 28
INFO_KIND, INFO_DATA, VETH_INFO_PEER, BR_MCAST_SNOOPING = 1, 2, 1, 23
IFA_ADDRESS, IFA_LOCAL, IFA_F_NODAD = 1, 2, 0x02
RTA_DST, RTA_GATEWAY, TABLE_MAIN, PROTOCOL_STATIC, UNICAST = 1, 5, 254, 4, 1
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80
NDTA_STATS, TABLE_FULLS = 7, struct.Struct("=80xQ")  # the last of struct ndt_stats
IFF_UP = 0x1
ERROR, DONE = 2, 3
HEADER = struct.Struct("=IHHII")
# So many answers fit a socket's receive buffer of the usual size.
AT_ONCE = 64


class Netlink:
    """A netlink socket of the network namespace that the calling thread is in."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def send(self, messages: Iterable[bytes]) -> None:
        """Have the kernel do `messages`, in order. Raises OSError for the first that it refuses."""
        every = list(messages)
        for start in range(0, len(every), AT_ONCE):
            some = every[start : start + AT_ONCE]
            self._socket.send(b"".join(some))
            answered = 0
            while answered < len(some):
                answered += self._check(self._socket.recv(65_536), some[answered:])

    def table_fulls(self) -> int:
        """How often the kernel could not add a neighbour, in whatever namespace."""
        header = HEADER.pack(HEADER.size + 4, GETNEIGHTBL, REQUEST | DUMP, 0, 0)
        self._socket.send(header + bytes(4))  # struct ndtmsg: of every family
        found = 0
        while True:
            answers = self._socket.recv(65_536)
            place = 0
            while place < len(answers):
                length, kind, *_ = HEADER.unpack_from(answers, place)
                if kind in {ERROR, DONE}:
                    return found
                attributes = _attributes(answers[place + HEADER.size + 4 : place + length])
                if NDTA_STATS in attributes:
                    found += TABLE_FULLS.unpack_from(attributes[NDTA_STATS])[0]
                place += _aligned(length)

    @staticmethod
    def _check(answers: bytes, messages: list[bytes]) -> int:
        """How many of `messages` the datagram `answers` acknowledges."""
        place = count = 0
        while place < len(answers):
            length, kind, *_ = HEADER.unpack_from(answers, place)
            (error,) = struct.unpack_from("=i", answers, place + HEADER.size)
            if kind == ERROR and error:
                asked = messages[count].hex()
                raise OSError(-error, f"rtnetlink: {os.strerror(-error)}, asked for {asked}")
            place += _aligned(length)
            count += 1
        return count

    def close(self) -> None:
        """Let go of the socket, and so of its namespace."""
        with suppress(OSError):
            self._socket.close()


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(_aligned(length) - length)


def _attributes(data: bytes) -> dict[int, bytes]:
    found, place = {}, 0
    while place < len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        found[kind] = data[place + 4 : place + length]
        place += _aligned(length)
    return found


def _message(kind: int, flags: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return HEADER.pack(HEADER.size + len(body), kind, REQUEST | ACK | flags, 0, 0) + body


def _link(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _called(name: str, mac: str) -> bytes:
    named = _attribute(IFLA_IFNAME, name.encode() + b"\0")
    return named + _attribute(IFLA_ADDRESS, _mac(mac))


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def add_veth(index: int, name: str, mac: str, peer: tuple[int, str, str], netns: int) -> bytes:
    """A cable: one end here, `peer` (index, name, mac) in the namespace behind `netns`."""
    peer_index, peer_name, peer_mac = peer
    far = (
        _link(peer_index)
        + _called(peer_name, peer_mac)
        + _attribute(IFLA_NET_NS_FD, struct.pack("=I", netns))
    )
    info = _attribute(INFO_KIND, b"veth") + _attribute(INFO_DATA, _attribute(VETH_INFO_PEER, far))
    return _message(
        NEWLINK, CREATE | EXCL, _link(index), _called(name, mac), _attribute(IFLA_LINKINFO, info)
    )


def add_bridge(index: int, name: str) -> bytes:
    """A switch that forwards multicast everywhere."""
    data = _attribute(BR_MCAST_SNOOPING, b"\0")
    info = _attribute(INFO_KIND, b"bridge") + _attribute(INFO_DATA, data)
    named = _attribute(IFLA_IFNAME, name.encode() + b"\0")
    return _message(NEWLINK, CREATE | EXCL, _link(index), named, _attribute(IFLA_LINKINFO, info))


def set_master(index: int, bridge: int) -> bytes:
    """Plug a link into a switch."""
    return _message(NEWLINK, 0, _link(index), _attribute(IFLA_MASTER, struct.pack("=I", bridge)))


def set_up(index: int) -> bytes:
    """Switch a link on."""
    return _message(NEWLINK, 0, _link(index, IFF_UP))


def add_address(index: int, address: str, prefix: int) -> bytes:
    """An address of a link; nodad: a tentative IPv6 address drops the first packets."""
    packed = ip_address(address).packed
    flags = IFA_F_NODAD if len(packed) == 16 else 0
    head = struct.pack("=BBBBI", _family(address), prefix, flags, 0, index)
    both = _attribute(IFA_LOCAL, packed) + _attribute(IFA_ADDRESS, packed)
    return _message(NEWADDR, CREATE | EXCL, head, both)


def add_route(destination: str, via: str) -> bytes:
    """A route to the network `destination`, by the gateway `via`."""
    to = ip_network(destination)
    head = struct.pack(
        "=8BI", _family(via), to.prefixlen, 0, 0, TABLE_MAIN, PROTOCOL_STATIC, 0, UNICAST, 0
    )
    where = _attribute(RTA_DST, to.network_address.packed) if to.prefixlen else b""
    gateway = _attribute(RTA_GATEWAY, ip_address(via).packed)
    return _message(NEWROUTE, CREATE | EXCL, head, where, gateway)


def set_neighbour(index: int, address: str, mac: str) -> bytes:
    """A neighbour that need not be asked for."""
    head = struct.pack("=BxxxiHBB", _family(address), index, NUD_PERMANENT, 0, 0)
    both = _attribute(NDA_DST, ip_address(address).packed) + _attribute(NDA_LLADDR, _mac(mac))
    return _message(NEWNEIGH, CREATE | REPLACE, head, both)
