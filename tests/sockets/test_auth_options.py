"""TCP_MD5SIG and the TCP_AO options, in Linux's structs, with Linux's errno."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from usernet.sockets import const as so
from usernet.sockets.const import AF_INET
from usernet.sockets.tcp import TcpSocket

from .streams import stream
from .world import Net

TCP = 6
SERVER = ("10.0.0.2", 179)


def storage(address: str, family: int = AF_INET) -> bytes:
    return struct.pack("=HH4s120x", family, 0, bytes(map(int, address.split("."))))


def md5sig(address: str, key: bytes, flags: int = 0, prefix: int = 0) -> bytes:
    return storage(address) + struct.pack("=BBHi80s", flags, prefix, len(key), 0, key)


def ao_add(address: str, sndid: int, rcvid: int, key: bytes = b"key", *, prefix: int = 32, bits: int = 0,
           name: bytes = b"hmac(sha1)", maclen: int = 0, keyflags: int = 0) -> bytes:  # fmt: skip
    return storage(address) + struct.pack(
        "=64siIHBBBBBB80s", name, 0, bits, 0, prefix, sndid, rcvid, maclen, keyflags, len(key), key
    )


def ao_del(
    address: str, sndid: int, rcvid: int, *, prefix: int = 32, bits: int = 0, current: int = 0, rnext: int = 0
) -> bytes:
    return storage(address) + struct.pack("=iIHBBBBBB", 0, bits, 0, prefix, sndid, rcvid, current, rnext, 0)


def refused(sock: TcpSocket, option: int, octets: bytes) -> str:
    with pytest.raises(OSError) as caught:
        sock.setsockopt(TCP, option, octets)
    return errno.errorcode[caught.value.errno or 0]


def joined(ends: tuple[Net, Net], option: int, mine: list[bytes], theirs: list[bytes]) -> tuple[TcpSocket, TcpSocket]:
    a, b = ends
    server, client = stream(b), stream(a)
    for octets in theirs:
        server.setsockopt(TCP, option, octets)
    for octets in mine:
        client.setsockopt(TCP, option, octets)
    server.bind(SERVER)
    server.listen(5)
    client.connect(SERVER)
    child, _ = server.accept()
    client.sendall(b"to and")
    assert child.recv(100) == b"to and"
    child.sendall(b"fro")
    assert client.recv(100) == b"fro"
    return client, child


def test_md5_by_prefix(ends: tuple[Net, Net]) -> None:
    theirs = [md5sig("10.0.0.0", b"wide", 1, 24)]
    client, child = joined(ends, so.TCP_MD5SIG_EXT, [md5sig("10.0.0.2", b"wide")], theirs)
    assert ends[0].tcp.ext.TCPMD5NotFound == ends[1].tcp.ext.TCPMD5NotFound == 0
    assert client.tcb is not None and client.tcb.auth is not None
    assert child.tcb is not None and child.tcb.auth is not None


def test_md5_refusals(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    assert refused(sock, so.TCP_MD5SIG, bytes(100)) == "EINVAL"
    assert refused(sock, so.TCP_MD5SIG, bytes(216)) == "EINVAL"
    assert refused(sock, so.TCP_MD5SIG, md5sig("10.0.0.2", b"")) == "ENOENT"
    assert refused(sock, so.TCP_MD5SIG_EXT, md5sig("10.0.0.2", b"k", 1, 33)) == "EINVAL"
    sock.setsockopt(TCP, so.TCP_MD5SIG, md5sig("10.0.0.2", b"k"))
    sock.setsockopt(TCP, so.TCP_MD5SIG, md5sig("10.0.0.2", b""))
    assert refused(sock, so.TCP_MD5SIG, md5sig("10.0.0.2", b"")) == "ENOENT"


def info(sock: TcpSocket) -> tuple[Any, ...]:
    octets = sock.getsockopt(TCP, so.TCP_AO_INFO, 48)
    assert isinstance(octets, bytes)
    return struct.unpack("=IHBBQQQQQ", octets)


def test_ao_keys_counters_and_rotation(ends: tuple[Net, Net]) -> None:
    mine = [ao_add("10.0.0.2", 1, 11), ao_add("10.0.0.2", 2, 12, b"next")]
    theirs = [ao_add("10.0.0.0", 11, 1, prefix=24), ao_add("10.0.0.0", 12, 2, b"next", prefix=24)]
    client, child = joined(ends, so.TCP_AO_ADD_KEY, mine, theirs)
    bits, _, current, rnext, good, bad, *_ = info(client)
    assert (bits & 3, current, rnext, bad) == (3, 1, 11, 0) and good >= 2
    child.setsockopt(TCP, so.TCP_AO_INFO, struct.pack("=IHBBQQQQQ", 2, 0, 0, 2, 0, 0, 0, 0, 0))
    child.sendall(b"please")
    assert client.recv(10) == b"please" and info(client)[2] == 2
    keys = client.getsockopt(TCP, so.TCP_AO_GET_KEYS, 608)
    assert isinstance(keys, bytes) and len(keys) == 608
    assert keys[:4] == storage("10.0.0.2")[:4] and keys[128:138] == b"hmac(sha1)" and keys[192:195] == b"key"
    assert refused(client, so.TCP_AO_DEL_KEY, ao_del("10.0.0.2", 2, 12)) == "EBUSY"
    assert refused(client, so.TCP_AO_DEL_KEY, ao_del("10.0.0.2", 9, 9)) == "ENOENT"
    client.setsockopt(TCP, so.TCP_AO_INFO, struct.pack("=IHBBQQQQQ", 2 | 8, 0, 0, 12, 5, 4, 3, 2, 1))
    assert info(client)[4:] == (5, 4, 3, 2, 1)
    client.setsockopt(TCP, so.TCP_AO_DEL_KEY, ao_del("10.0.0.2", 1, 11))
    client.sendall(b"still there")
    assert child.recv(20) == b"still there"


def test_ao_refusals(ends: tuple[Net, Net]) -> None:
    sock = stream(ends[0])
    assert refused(sock, so.TCP_AO_ADD_KEY, bytes(10)) == "EINVAL"
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1, prefix=33)) == "EINVAL"
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1, prefix=24)) == "EINVAL"
    one_port = ao_add("10.0.0.2", 1, 1)
    assert refused(sock, so.TCP_AO_ADD_KEY, one_port[:2] + b"\0\x50" + one_port[4:]) == "EINVAL"
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1, bits=8)) == "EINVAL"
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1, maclen=20)) == "EMSGSIZE"
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1, name=b"rot13")) == "ENOENT"
    assert refused(sock, so.TCP_AO_INFO, struct.pack("=IHBBQQQQQ", 1, 0, 7, 0, 0, 0, 0, 0, 0)) == "ENOENT"
    sock.setsockopt(TCP, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1))
    assert refused(sock, so.TCP_AO_ADD_KEY, ao_add("10.0.0.0", 1, 2, prefix=24)) == "EEXIST"
    assert refused(sock, so.TCP_MD5SIG, md5sig("10.0.0.2", b"k")) == "EKEYREJECTED"
    with pytest.raises(OSError) as caught:
        sock.connect(("10.0.0.9", 80))
    assert caught.value.errno == errno.EKEYREJECTED


def test_ao_cannot_begin_in_the_middle(ends: tuple[Net, Net]) -> None:
    client, _ = joined(ends, so.TCP_AO_ADD_KEY, [], [])
    assert refused(client, so.TCP_AO_ADD_KEY, ao_add("10.0.0.2", 1, 1)) == "EISCONN"
    assert refused(client, so.TCP_AO_DEL_KEY, ao_del("10.0.0.2", 1, 1)) == "EISCONN"
    assert refused(client, so.TCP_AO_INFO, struct.pack("=IHBBQQQQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0)) == "EISCONN"


def test_md5_may_begin_in_the_middle(ends: tuple[Net, Net]) -> None:
    client, child = joined(ends, so.TCP_MD5SIG, [], [])
    client.setsockopt(TCP, so.TCP_MD5SIG, md5sig("10.0.0.2", b"late"))
    child.setsockopt(TCP, so.TCP_MD5SIG, md5sig("10.0.0.1", b"late"))
    client.sendall(b"signed now")
    assert child.recv(20) == b"signed now" and ends[1].tcp.ext.TCPMD5NotFound == 0
