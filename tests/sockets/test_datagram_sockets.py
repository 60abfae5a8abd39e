"""UDP and ping sockets, call by call and errno by errno."""

from __future__ import annotations

import errno
import struct

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP
from usernet.sockets import const as so
from usernet.sockets.const import AF_INET, AF_INET6, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_STREAM
from usernet.sockets.factory import socket

from .streams import fails
from .world import Net, World, octets

SOL = so.SOL_SOCKET
IP = so.IPPROTO_IP


def udp(net: Net, address: tuple[str, int] | None = None):
    sock = socket(net, net.host, AF_INET, SOCK_DGRAM, 0)
    if address is not None:
        sock.bind(address)
    return sock


def test_what_socket_2_refuses(ends: tuple[Net, Net]) -> None:
    net = ends[0]
    fails(errno.EAFNOSUPPORT, socket, net, net.host, AF_INET6, SOCK_STREAM, 0)
    fails(errno.ESOCKTNOSUPPORT, socket, net, net.host, AF_INET, 5, 0)
    fails(errno.EPROTONOSUPPORT, socket, net, net.host, AF_INET, SOCK_DGRAM, 6)
    fails(errno.EINVAL, socket, net, net.host, AF_INET, SOCK_DGRAM, -1)


def test_sock_nonblock_is_heeded(ends: tuple[Net, Net]) -> None:
    sock = socket(ends[0], ends[0].host, AF_INET, SOCK_DGRAM | so.SOCK_NONBLOCK | so.SOCK_CLOEXEC, 0)
    assert sock.timeout_ns == 0
    fails(errno.EAGAIN, sock.recv, 1)


def test_a_datagram_there_and_back(ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = udp(b, ("", 53))
    client = udp(a)
    assert client.sendto(b"query", 0, ("10.0.0.2", 53)) == 5
    data, address = server.recvfrom(100)
    assert data == b"query"
    assert address == ("10.0.0.1", client.getsockname()[1])
    server.sendto(bytearray(b"answer"), 0, address)
    assert client.recvfrom(100) == (b"answer", ("10.0.0.2", 53))


def test_every_datagram_goes_to_the_address_of_its_own_call(ends: tuple[Net, Net]) -> None:
    a, b = ends
    first, second, peer = udp(b, ("", 53)), udp(b, ("", 54)), udp(b, ("", 55))
    client = udp(a)
    client.connect(("10.0.0.2", 55))
    one, other = ("10.0.0.2", 53), ["10.0.0.2", 54]
    client.sendto(b"1", 0, one)
    client.sendto(b"2", 0, other)
    client.sendto(b"3", 0, None)
    client.sendto(b"4", 0, one)
    client.send(b"5")
    client.sendto(b"6", 0, one)
    client.sendto(b"7", 0, other)
    other[1] = 53
    client.sendto(b"8", 0, other)
    fails(errno.EINVAL, client.sendto, b"9", 0, ("10.0.0.2", 0))
    client.sendmsg([b"a"], (), 0, None)
    a.host.settle()
    for sock, wanted in ((first, b"1468"), (second, b"27"), (peer, b"35a")):
        sock.timeout_ns = 0
        assert b"".join(sock.recv(9) for _ in wanted) == wanted
        fails(errno.EAGAIN, sock.recv, 9)


def test_every_datagram_is_told_to_come_from_its_own_sender(ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = udp(b, ("", 53))
    senders = [udp(a, ("", port)) for port in (1000, 2000, 1000 + 256)]
    for number in (0, 1, 1, 2, 0):
        senders[number].sendto(b"x", 0, ("10.0.0.2", 53))
    assert [server.recvfrom(1)[1] for _ in range(5)] == [("10.0.0.1", port) for port in (1000, 2000, 2000, 1256, 1000)]


def test_names(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    assert sock.getsockname() == ("0.0.0.0", 0)
    fails(errno.ENOTCONN, sock.getpeername)
    sock.connect(("10.0.0.2", 53))
    assert sock.getsockname()[0] == "10.0.0.1"
    assert sock.getpeername() == ("10.0.0.2", 53)
    sock.connect(("10.0.0.2", 54))
    assert sock.getpeername() == ("10.0.0.2", 54)


def test_connecting_to_any_is_this_host(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    sock.connect(("", 53))
    assert sock.getpeername() == ("127.0.0.1", 53)


def test_bind_errors(ends: tuple[Net, Net]) -> None:
    a = ends[0]
    udp(a, ("", 53))
    fails(errno.EADDRINUSE, udp(a).bind, ("10.0.0.1", 53))
    fails(errno.EADDRNOTAVAIL, udp(a).bind, ("8.8.8.8", 53))
    sock = udp(a, ("", 0))
    fails(errno.EINVAL, sock.bind, ("", 0))
    with pytest.raises(OverflowError):
        udp(a).bind(("", 65536))


def test_freebind_and_transparent_bind_foreign_addresses(ends: tuple[Net, Net]) -> None:
    for option in (so.IP_FREEBIND, so.IP_TRANSPARENT):
        sock = udp(ends[0])
        sock.setsockopt(IP, option, 1)
        sock.bind(("8.8.8.8", 0))
        assert sock.getsockopt(IP, option) == 1


def test_send_errors(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    fails(errno.EDESTADDRREQ, sock.send, b"x")
    fails(errno.EINVAL, sock.sendto, b"x", 0, ("10.0.0.2", 0))
    fails(errno.ENETUNREACH, sock.sendto, b"x", 0, ("8.8.8.8", 1))
    fails(errno.EMSGSIZE, sock.sendto, bytes(65508), 0, ("10.0.0.2", 1))
    fails(errno.EACCES, sock.sendto, b"x", 0, ("10.0.0.255", 1))
    fails(errno.EINVAL, sock.sendto, b"x", 0, ("example.org", 1))
    with pytest.raises(TypeError):
        sock.send("text")
    sock.setsockopt(SOL, so.SO_BROADCAST, 1)
    assert sock.sendto(b"x", 0, ("10.0.0.255", 1)) == 1


def test_what_a_datagram_socket_has_not(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    fails(errno.EOPNOTSUPP, sock.listen)
    fails(errno.EOPNOTSUPP, sock.accept)
    fails(errno.EOPNOTSUPP, sock.recv, 1, so.MSG_OOB)
    fails(errno.EAGAIN, sock.recv, 1, so.MSG_ERRQUEUE)


def test_recv_waits_for_a_datagram(world: World, ends: tuple[Net, Net]) -> None:
    a, b = ends
    server = udp(b, ("", 53))
    start = world.now()
    world.at(3 * MS, lambda: udp(a).sendto(b"late", 0, ("10.0.0.2", 53)))
    assert server.recv(10) == b"late"
    assert world.now() == start + 3 * MS


def test_a_timeout_raises_timeouterror(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0], ("", 53))
    sock.timeout_ns = 5 * MS
    start = world.now()
    with pytest.raises(TimeoutError, match="timed out"):
        sock.recv(1)
    assert world.now() == start + 5 * MS


def test_rcvtimeo_raises_eagain(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0], ("", 53))
    sock.setsockopt(SOL, so.SO_RCVTIMEO, struct.pack("=qq", 0, 7000))
    start = world.now()
    fails(errno.EAGAIN, sock.recv, 1)
    assert world.now() == start + 7 * MS
    fails(errno.EAGAIN, sock.recv, 1, MSG_DONTWAIT)
    assert world.now() == start + 7 * MS


def test_peek_leaves_the_datagram(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    udp(ends[0]).sendto(b"abc", 0, ("10.0.0.2", 53))
    assert server.recv(2, MSG_PEEK) == b"ab"
    assert server.recv(100) == b"abc"
    fails(errno.EAGAIN, server.recv, 1, MSG_DONTWAIT)


def test_msg_trunc_tells_the_real_length(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    client = udp(ends[0])
    client.connect(("10.0.0.2", 53))
    for _ in range(4):
        client.send(b"abcdef")
    assert server.recv(2) == b"ab"
    assert len(server.recv(2, MSG_TRUNC)) == 6
    into = bytearray(2)
    assert server.recv_into(into, 0, MSG_TRUNC) == 6
    assert into == b"ab"
    data, ancillary, flags, address = server.recvmsg(2)
    assert (data, ancillary, flags) == (b"ab", [], MSG_TRUNC)
    assert address == client.getsockname()


def test_receiving_into_a_buffer(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    client = udp(ends[0])
    for size in (5, 3000):
        client.sendto(b"x" * size, 0, ("10.0.0.2", 53))
        into = bytearray(4000)
        assert server.recvfrom_into(into)[0] == size
        assert into[:size] == b"x" * size
        assert not any(into[size:])
    for bad in (b"read only", "text"):
        with pytest.raises(TypeError):
            server.recv_into(bad)
    with pytest.raises(ValueError):
        server.recv_into(bytearray(2), 3)


def test_an_empty_datagram_is_a_datagram(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    client = udp(ends[0])
    assert client.sendto(b"", 0, ("10.0.0.2", 53)) == 0
    assert server.recvfrom(10) == (b"", ("10.0.0.1", client.getsockname()[1]))


def test_sendmsg_joins_its_buffers(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    sent = udp(ends[0]).sendmsg([b"ab", bytearray(b"cd"), memoryview(b"ef")], [], 0, ("10.0.0.2", 53))
    assert sent == 6
    assert server.recv(10) == b"abcdef"


def test_msg_more_holds_a_datagram_back(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    client = udp(ends[0])
    fails(errno.EDESTADDRREQ, client.send, b"x", so.MSG_MORE)
    assert client.sendto(b"ab", so.MSG_MORE, ("10.0.0.2", 53)) == 2
    fails(errno.EAGAIN, server.recv, 1, MSG_DONTWAIT)
    assert client.sendto(b"cd", 0, ("10.0.0.2", 53)) == 2
    assert server.recv(10) == b"abcd"
    client.sendto(bytes(60000), so.MSG_MORE, ("10.0.0.2", 53))
    fails(errno.EMSGSIZE, client.send, bytes(6000))


def test_econnrefused_once(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    sock.connect(("10.0.0.2", 9))
    sock.send(b"x")
    world.settle()
    assert sock.poll() & POLLERR
    fails(errno.ECONNREFUSED, sock.recv, 1, MSG_DONTWAIT)
    fails(errno.EAGAIN, sock.recv, 1, MSG_DONTWAIT)
    sock.send(b"x")
    world.settle()
    assert sock.getsockopt(SOL, so.SO_ERROR) == errno.ECONNREFUSED
    assert sock.getsockopt(SOL, so.SO_ERROR) == 0


def test_shutdown(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    fails(errno.EINVAL, sock.shutdown, 3)
    sock.connect(("10.0.0.2", 53))
    sock.shutdown(so.SHUT_RD)
    assert sock.poll() == POLLIN | POLLOUT | POLLRDHUP
    assert sock.recv(10) == b""
    assert sock.recvfrom(10) == (b"", None)
    sock.shutdown(so.SHUT_WR)
    assert sock.poll() & POLLHUP
    fails(errno.EPIPE, sock.send, b"x")


def test_shutdown_of_an_unconnected_socket_works_and_is_enotconn(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0], ("", 53))
    fails(errno.ENOTCONN, sock.shutdown, so.SHUT_RDWR)
    assert sock.recv(1) == b""


def test_every_call_on_a_closed_socket_is_ebadf(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0], ("", 53))
    sock.close()
    sock.close()
    assert sock.poll() == POLLNVAL | POLLERR | POLLHUP
    for name, args in {
        "recv": (1,), "recvfrom": (1,), "recvmsg": (1,), "recv_into": (bytearray(1),), "send": (b"x",),
        "sendto": (b"x", 0, ("10.0.0.2", 1)), "sendmsg": ([b"x"], (), 0, ("10.0.0.2", 1)), "bind": (("", 0),),
        "connect": (("10.0.0.2", 1),), "getsockname": (), "getpeername": (), "shutdown": (2,),
        "setsockopt": (SOL, so.SO_KEEPALIVE, 1), "getsockopt": (SOL, so.SO_TYPE),
    }.items():  # fmt: skip
        fails(errno.EBADF, getattr(sock, name), *args)
    assert not ends[0].udp.table.ports


def test_a_close_by_another_wakes_who_waits_with_ebadf(world: World, ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0], ("", 53))
    world.at(1 * MS, sock.close)
    fails(errno.EBADF, sock.recv, 1)


# Options.


@pytest.mark.parametrize(
    ("level", "name", "initial", "value", "result"),
    [
        (SOL, so.SO_REUSEADDR, 0, 5, 1),
        (SOL, so.SO_REUSEPORT, 0, 1, 1),
        (SOL, so.SO_KEEPALIVE, 0, 1, 1),
        (SOL, so.SO_BROADCAST, 0, 1, 1),
        (SOL, so.SO_OOBINLINE, 0, 1, 1),
        (SOL, so.SO_PRIORITY, 0, 6, 6),
        (SOL, so.SO_MARK, 0, 77, 77),
        (SOL, so.SO_RCVLOWAT, 1, 0, 1),
        (SOL, so.SO_SNDBUF, 212992, 10000, 20000),
        (SOL, so.SO_RCVBUF, 212992, 10000, 20000),
        (SOL, so.SO_RCVBUF, 212992, 1, 2304),
        (SOL, so.SO_SNDBUF, 212992, 1, 4608),
        (SOL, so.SO_RCVBUF, 212992, 1 << 30, 2 * 4194304),
        (SOL, so.SO_TIMESTAMP, 0, 1, 1),
        (SOL, so.SO_NO_CHECK, 0, 1, 1),
        (IP, so.IP_TOS, 0, 0x1C, 0x1C),
        (IP, so.IP_TTL, 64, 9, 9),
        (IP, so.IP_TTL, 64, -1, 64),
        (IP, so.IP_TTL, 64, b"\x09", 9),
        (IP, so.IP_MTU_DISCOVER, 1, 2, 2),
        (IP, so.IP_RECVERR, 0, 1, 1),
        (IP, so.IP_RECVTTL, 0, 1, 1),
        (IP, so.IP_PKTINFO, 0, 1, 1),
        (IP, so.IP_MULTICAST_TTL, 1, 7, 7),
        (IP, so.IP_MULTICAST_TTL, 1, b"\x07", 7),
        (IP, so.IP_MULTICAST_LOOP, 1, 0, 0),
        (IP, so.IP_MULTICAST_ALL, 1, 0, 0),
    ],
)
def test_options(ends: tuple[Net, Net], level: int, name: int, initial: int, value: int | bytes, result: int) -> None:
    sock = udp(ends[0])
    assert sock.getsockopt(level, name) == initial
    sock.setsockopt(level, name, value)
    assert sock.getsockopt(level, name) == result
    assert sock.getsockopt(level, name, 4) == struct.pack("=i", result)


def test_options_that_are_only_read(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    for name, value in {
        so.SO_TYPE: SOCK_DGRAM, so.SO_PROTOCOL: 17, so.SO_DOMAIN: AF_INET, so.SO_ACCEPTCONN: 0, so.SO_ERROR: 0,
    }.items():  # fmt: skip
        assert sock.getsockopt(SOL, name) == value
        fails(errno.ENOPROTOOPT, sock.setsockopt, SOL, name, 1)


def test_unknown_options_are_enoprotoopt(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    for level, name in ((SOL, 9999), (IP, 9999), (6, so.TCP_NODELAY), (41, 1), (12345, 1)):
        fails(errno.ENOPROTOOPT, sock.getsockopt, level, name)
        fails(errno.ENOPROTOOPT, sock.setsockopt, level, name, 1)


def test_bad_values_are_einval(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    for level, name, value in (
        (SOL, so.SO_REUSEADDR, b"\1"),
        (SOL, so.SO_LINGER, b"\1\0\0\0"),
        (SOL, so.SO_RCVTIMEO, b"\0" * 8),
        (IP, so.IP_TTL, 0),
        (IP, so.IP_TTL, 256),
        (IP, so.IP_TTL, b""),
        (IP, so.IP_MTU_DISCOVER, 6),
        (IP, so.IP_MULTICAST_TTL, 256),
        (IP, so.IP_MULTICAST_IF, b"\0"),
        (IP, so.IP_ADD_MEMBERSHIP, octets("10.0.0.1") * 2),
    ):
        fails(errno.EINVAL, sock.setsockopt, level, name, value)
    fails(errno.EINVAL, sock.getsockopt, SOL, so.SO_TYPE, 1025)
    fails(errno.EDOM, sock.setsockopt, SOL, so.SO_RCVTIMEO, struct.pack("=qq", 0, 1_000_000))


def test_structured_options(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    sock.setsockopt(SOL, so.SO_LINGER, struct.pack("=ii", 1, 9))
    assert sock.getsockopt(SOL, so.SO_LINGER, 8) == struct.pack("=ii", 1, 9)
    assert sock.getsockopt(SOL, so.SO_LINGER) == 1
    sock.setsockopt(SOL, so.SO_SNDTIMEO, struct.pack("=qq", 2, 500_000))
    assert sock.getsockopt(SOL, so.SO_SNDTIMEO, 16) == struct.pack("=qq", 2, 500_000)


def test_bindtodevice(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    assert sock.getsockopt(SOL, so.SO_BINDTODEVICE, 16) == b""
    sock.setsockopt(SOL, so.SO_BINDTODEVICE, b"eth0\0")
    assert sock.getsockopt(SOL, so.SO_BINDTODEVICE, 16) == b"eth0\0"
    assert sock.udp.ifindex == 2
    sock.setsockopt(SOL, so.SO_BINDTODEVICE, b"")
    assert sock.udp.ifindex == 0
    fails(errno.ENODEV, sock.setsockopt, SOL, so.SO_BINDTODEVICE, b"eth7")


def test_ip_mtu_needs_a_peer(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    fails(errno.ENOTCONN, sock.getsockopt, IP, so.IP_MTU)
    sock.connect(("10.0.0.2", 1))
    assert sock.getsockopt(IP, so.IP_MTU) == 1500
    fails(errno.ENOPROTOOPT, sock.setsockopt, IP, so.IP_MTU, 1)


def test_ancillary_data(ends: tuple[Net, Net]) -> None:
    server = udp(ends[1], ("", 53))
    for name in (so.IP_RECVTTL, so.IP_RECVTOS, so.IP_PKTINFO):
        server.setsockopt(IP, name, 1)
    server.setsockopt(SOL, so.SO_TIMESTAMPNS, 1)
    client = udp(ends[0])
    client.setsockopt(IP, so.IP_TTL, 17)
    client.setsockopt(IP, so.IP_TOS, 0x10)
    client.sendto(b"x", 0, ("10.0.0.2", 53))
    data, ancillary, flags, _ = server.recvmsg(10, 1024)
    assert (data, flags) == (b"x", 0)
    found = {(level, kind): value for level, kind, value in ancillary}
    assert found[IP, so.IP_TTL] == struct.pack("=i", 17)
    assert found[IP, so.IP_TOS] == b"\x10"
    assert found[IP, so.IP_PKTINFO] == struct.pack("=i", 2) + octets("10.0.0.2") * 2
    assert struct.unpack("=qq", found[SOL, so.SO_TIMESTAMPNS]) == (1, 0)
    client.sendmsg([b"y"], [(IP, so.IP_TTL, struct.pack("=i", 3))], 0, ("10.0.0.2", 53))
    _, ancillary, flags, _ = server.recvmsg(10, 60)
    assert flags == so.MSG_CTRUNC
    fails(errno.EINVAL, client.sendmsg, [b"y"], [(IP, 99, b"1234")], 0, ("10.0.0.2", 53))


def test_joining_and_leaving_a_group(ends: tuple[Net, Net]) -> None:
    net = ends[0]
    group = octets("224.1.2.3")
    by_address = group + octets("10.0.0.1")
    by_index = group + bytes(4) + struct.pack("=i", 2)
    one, two = udp(net), udp(net)
    one.setsockopt(IP, so.IP_ADD_MEMBERSHIP, by_address)
    fails(errno.EADDRINUSE, one.setsockopt, IP, so.IP_ADD_MEMBERSHIP, by_index)
    two.setsockopt(IP, so.IP_ADD_MEMBERSHIP, group + bytes(4))
    groups = net.ip.interfaces[2].groups
    assert group in groups
    one.setsockopt(IP, so.IP_DROP_MEMBERSHIP, by_address)
    fails(errno.EADDRNOTAVAIL, one.setsockopt, IP, so.IP_DROP_MEMBERSHIP, by_address)
    assert group in groups
    two.close()
    assert group not in groups
    fails(errno.ENODEV, one.setsockopt, IP, so.IP_ADD_MEMBERSHIP, group + octets("8.8.8.8"))
    for i in range(20):
        one.setsockopt(IP, so.IP_ADD_MEMBERSHIP, bytes([224, 9, 9, i]) + octets("10.0.0.1"))
    fails(errno.ENOBUFS, one.setsockopt, IP, so.IP_ADD_MEMBERSHIP, by_address)


def test_multicast_if(ends: tuple[Net, Net]) -> None:
    sock = udp(ends[0])
    sock.setsockopt(IP, so.IP_MULTICAST_IF, octets("10.0.0.1"))
    assert sock.getsockopt(IP, so.IP_MULTICAST_IF, 4) == octets("10.0.0.1")
    fails(errno.EADDRNOTAVAIL, sock.setsockopt, IP, so.IP_MULTICAST_IF, octets("8.8.8.8"))
    sock.setsockopt(IP, so.IP_MULTICAST_IF, bytes(4))
    assert sock.getsockopt(IP, so.IP_MULTICAST_IF, 4) == bytes(4)


# Ping sockets.


def test_ping(ends: tuple[Net, Net]) -> None:
    sock = socket(ends[0], ends[0].host, AF_INET, SOCK_DGRAM, 1)
    assert sock.sendto(b"\x08" + bytes(7) + b"hello", 0, ("10.0.0.2", 0)) == 13
    data, address = sock.recvfrom(100)
    assert data[0] == 0
    assert data[8:] == b"hello"
    assert address == ("10.0.0.2", 0)
    assert sock.getsockname() == ("0.0.0.0", int.from_bytes(data[4:6], "big"))
    fails(errno.EINVAL, sock.sendto, b"\x00" * 8, 0, ("10.0.0.2", 0))
    sock.connect(("10.0.0.2", 0))
    sock.send(b"\x08" + bytes(7))
    assert len(sock.recv(100)) == 8
    sock.close()
    fails(errno.EBADF, sock.recv, 1)
