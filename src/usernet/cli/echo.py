"""Echo requests from a stack: what ``usernet ping`` does, here or inside a running host (RFC 792, ping(8))."""

from __future__ import annotations

import errno
import os
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..ip.address import format_ip, parse_ip

if TYPE_CHECKING:
    from ..host import Stack

Item = dict[str, Any]

ICMP_ECHO = 8
# ip(7); not every version of the socket module names them.
IP_RECVERR, IP_RECVTTL = 11, 12
HEADER = struct.Struct("!BBHHH")
MAX_SIZE = 65507
MIN_INTERVAL_S = 0.002


def echo(stack: Stack, request: dict[str, Any]) -> Iterator[Item]:
    """Ping a host until count replies or for ever, one item for each request sent, reply and error.

    Words: host, count (0: for ever), interval and timeout in seconds, size in octets of payload. Raises OSError.
    """
    from .. import socket

    size = int(request.get("size", 56))
    interval = float(request.get("interval", 1.0))
    timeout = float(request.get("timeout", 10.0))
    if not 0 <= size <= MAX_SIZE:
        raise OSError(errno.EINVAL, f"a payload of {size} octets; 0 to {MAX_SIZE} fit")
    if interval < MIN_INTERVAL_S or timeout <= 0:
        raise OSError(errno.EINVAL, f"an interval is at least {MIN_INTERVAL_S} s, a timeout more than 0")
    with stack:
        address = socket.getaddrinfo(str(request["host"]), None, socket.AF_INET)[0][4][0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as ping:
            ping.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            ping.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            if request.get("ttl"):
                ping.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(request["ttl"]))
            ping.connect((address, 0))
            yield {"kind": "start", "address": address, "size": size}
            yield from _Pinger(ping, _source(stack, str(address)), size).run(
                int(request.get("count", 0)), interval, timeout
            )


def _source(stack: Stack, address: str) -> str:
    """Our address on the way there, in whose name errors are told."""
    with stack.host.lock:
        return format_ip(stack.ip.path(parse_ip(address), None, 0).src)


class _Pinger:
    """The requests under way over one socket."""

    def __init__(self, ping: Any, source: str, size: int) -> None:
        self._ping = ping
        self._source = source
        self._payload = os.urandom(size)
        self._sent_at: dict[int, int] = {}
        self._answered: set[int] = set()

    def run(self, count: int, interval: float, timeout: float) -> Iterator[Item]:
        seq = 0
        next_at = time.monotonic_ns()
        while not count or seq < count:
            seq += 1
            yield from self._send(seq & 0xFFFF)
            next_at += int(interval * 1e9)
            last = seq == count
            until = time.monotonic_ns() + int(timeout * 1e9) if last else next_at
            while (not last or self._sent_at) and time.monotonic_ns() < until:
                yield from self._receive(until)

    def _send(self, seq: int) -> Iterator[Item]:
        self._answered.discard(seq)
        # The sequence space wraps; so does our memory of what is outstanding.
        self._sent_at.pop((seq - 0x4000) & 0xFFFF, None)
        self._sent_at[seq] = time.monotonic_ns()
        yield {"kind": "sent", "seq": seq}
        try:
            self._ping.send(HEADER.pack(ICMP_ECHO, 0, 0, 0, seq) + self._payload)
        except OSError as error:
            self._sent_at.pop(seq, None)
            yield self._failed(seq, error)

    def _receive(self, until: int) -> Iterator[Item]:
        self._ping.settimeout(max((until - time.monotonic_ns()) / 1e9, 0.0005))
        try:
            octets, ancillary, _, peer = self._ping.recvmsg(HEADER.size + len(self._payload), 64)
        except TimeoutError:
            return
        except OSError as error:
            # An ICMP error about one of our requests; the oldest outstanding is the likeliest.
            seq = next(iter(self._sent_at), 0)
            self._sent_at.pop(seq, None)
            yield self._failed(seq, error)
            return
        now = time.monotonic_ns()
        if len(octets) < HEADER.size:
            return
        seq = HEADER.unpack_from(octets)[4]
        ttl = next((int.from_bytes(data[:4], "little") for _, _, data in ancillary), 0)
        sent_at = self._sent_at.pop(seq, None)
        duplicate = seq in self._answered
        if sent_at is None and not duplicate:
            return
        self._answered.add(seq)
        yield {
            "kind": "reply",
            "address": peer[0],
            "octets": len(octets),
            "seq": seq,
            "ttl": ttl,
            "rtt_ns": 0 if sent_at is None else now - sent_at,
            "duplicate": duplicate,
        }

    def _failed(self, seq: int, error: OSError) -> Item:
        return {"kind": "error", "address": self._source, "seq": seq, "errno": error.errno or errno.EIO}
