"""A stack that has everything an attacker can reach, and a language of inputs that reaches it.

An input is a string of octets, read as instructions: raw frames, IP datagrams, segments and datagrams whose checksums
are made right so that they get past the door, ICMP errors that quote a real connection, fragments, and time passing.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

from usernet import Host, Stack
from usernet.core.checksum import checksum
from usernet.core.const import HEADROOM, MS, SECOND
from usernet.core.packet import Packet
from usernet.link.device import Device
from usernet.sockets.factory import socket

OURS, PEER, STRANGER = b"\x0a\x07\x00\x02", b"\x0a\x07\x00\x01", b"\x0a\x07\x00\x63"
OUR_MAC, PEER_MAC = b"\x02\x00\x00\x00\x00\x02", b"\x02\x00\x00\x00\x00\x01"
LISTENING, ECHO_PORT, UDP_PORT = 80, 7, 53
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
# What a stack of this size may use, and what may lie in the wire before the oldest frame is forgotten.
MEMORY = 1 << 20
KEPT_FRAMES = 64


class Wire(Device):
    """A device whose frames go nowhere but are kept for a look."""

    def __init__(self) -> None:
        super().__init__("eth0", "hostile", 1500, OUR_MAC)
        self.sent: list[bytes] = []

    def transmit(self, packet: Packet, now: int) -> bool:
        self.sent.append(packet.tobytes())
        del self.sent[:-KEPT_FRAMES]
        return True


def ethernet(payload: bytes, kind: int = 0x0800) -> bytes:
    return OUR_MAC + PEER_MAC + struct.pack("!H", kind) + payload


def ipv4(payload: bytes, protocol: int, source: bytes = PEER, fragment: int = 0, ident: int = 1) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0) + source + OURS
    return header[:10] + struct.pack("!H", checksum(header, 0, 20, 0)) + header[12:] + payload


def with_checksum(segment: bytes, at: int, protocol: int, source: bytes = PEER) -> bytes:
    """A transport header and payload whose 16-bit field at an offset is made right."""
    segment = segment[:at] + b"\0\0" + segment[at + 2 :]
    pseudo = source + OURS + struct.pack("!HH", protocol, len(segment))
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment, 0, 12 + len(segment), 0)) + segment[at + 2 :]


def tcp(
    sport: int, dport: int, seq: int, ack: int, flags: int, payload: bytes = b"", options: bytes = b"",
    window: int = 8192, source: bytes = PEER,
) -> bytes:  # fmt: skip
    options += b"\0" * (-len(options) % 4)
    words = (20 + len(options)) // 4
    header = struct.pack(
        "!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4, flags, window, 0, 0
    )
    return ipv4(with_checksum(header + options + payload, 16, 6, source), 6, source)


class Target:
    """One stack under attack: a listener, an established connection, a UDP socket, all read and answered."""

    def __init__(self) -> None:
        self.host = Host("sim", seed=1)
        self.stack = Stack("target", self.host, MEMORY)
        self.wire = Wire()
        self.stack.attach(self.wire, "10.7.0.2/24", "10.7.0.1")
        self.listener = socket(self.stack, self.host, 2, 1)
        self.datagrams = socket(self.stack, self.host, 2, 2)
        self.accepted = []
        for sock, port in ((self.listener, LISTENING), (self.datagrams, UDP_PORT)):
            sock.timeout_ns = 0
            sock.bind(("10.7.0.2", port))
        self.listener.listen(16)
        self.seq, self.ack = self.connect(40000, 0xFFFFFF00)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *exc: object) -> None:
        self.host.close()

    def inject(self, frame: bytes) -> None:
        """One frame comes in, as a driver would hand it over."""
        packet = Packet(bytearray(HEADROOM) + bytearray(frame), HEADROOM, HEADROOM + len(frame))
        with self.host.lock:
            self.wire.deliver(packet, self.host.now())
            self.wire.flush()

    def pass_time(self, span_ns: int) -> None:
        self.host.run_for(span_ns)

    def connect(self, port: int, iss: int, source: bytes = PEER) -> tuple[int, int]:
        """A handshake as a client does it; our next sequence number and theirs. AssertionError when refused."""
        self.inject(ethernet(struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + PEER_MAC + source + bytes(6) + OURS, 0x806))
        self.wire.sent.clear()
        mss = b"\x02\x04\x05\xb4"
        self.inject(ethernet(tcp(port, LISTENING, iss, 0, SYN, options=mss, source=source)))
        self.pass_time(MS)
        answers = [frame for frame in self.wire.sent if frame[23:24] == b"\x06" and frame[30:34] == source]
        assert answers, "a SYN from a well-behaved peer got no answer"
        irs = struct.unpack_from("!I", answers[-1], 38)[0]
        assert answers[-1][47] & (SYN | ACK) == SYN | ACK, "a SYN from a well-behaved peer was refused"
        self.inject(ethernet(tcp(port, LISTENING, iss + 1, irs + 1, ACK, source=source)))
        self.serve()
        return iss + 1, irs + 1

    def serve(self) -> None:
        """What a program does: accept, read, answer. Errors of connections are theirs."""
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self.listener.accept()
                sock.timeout_ns = 0
                self.accepted.append(sock)
        for sock in self.accepted[:]:
            try:
                octets = sock.recv(65536)
                if octets:
                    sock.send(octets[:100])
                else:
                    sock.close()
                    self.accepted.remove(sock)
            except BlockingIOError:
                pass
            except OSError:
                sock.close()
                self.accepted.remove(sock)
        with contextlib.suppress(OSError):
            while True:
                octets, sender = self.datagrams.recvfrom(65536)
                self.datagrams.sendto(octets[:100], 0, sender)

    def attack(self, data: bytes) -> None:
        """Carry out an input; whatever the stack does, it may not raise and may not outgrow its memory."""
        at = 0
        while at + 2 <= len(data):
            action, size = data[at] % len(ACTIONS), data[at + 1]
            argument = data[at + 2 : at + 2 + size]
            at += 2 + size
            ACTIONS[action](self, argument)
            self.serve()
            self.check()

    def check(self) -> None:
        pool = self.stack.context.pool
        assert 0 <= pool.used <= MEMORY + (64 << 10), f"{pool.used} octets of {MEMORY}"
        assert len(self.host.timers) < 10_000

    def still_works(self) -> None:
        """Others are served as before, and what the attack held is given back in time."""
        self.pass_time(2 * SECOND)
        self.serve()
        seq, ack = self.connect(50123, 0xFFFFFFF0, STRANGER)
        self.inject(ethernet(tcp(50123, LISTENING, seq, ack, ACK | PSH, b"still there?", source=STRANGER)))
        self.wire.sent.clear()
        self.serve()
        self.pass_time(SECOND)
        assert any(b"still there?" in frame for frame in self.wire.sent), "a well-behaved connection is not served"


def raw_frame(target: Target, argument: bytes) -> None:
    target.inject(argument)


def addressed_frame(target: Target, argument: bytes) -> None:
    target.inject(ethernet(argument[1:], (0x0800, 0x0806, 0x86DD, 0x8100)[argument[0] & 3] if argument else 0))


def ip_payload(target: Target, argument: bytes) -> None:
    if argument:
        target.inject(ethernet(ipv4(argument[1:], (6, 17, 1, 4, argument[0])[argument[0] % 5])))


def ip_with_options(target: Target, argument: bytes) -> None:
    if not argument:
        return
    size = argument[0] % 41 // 4 * 4
    options, payload = argument[1 : 1 + size].ljust(size, b"\0"), argument[1 + size :]
    header = (
        struct.pack("!BBHHHBBH", 0x45 + size // 4, 0, 20 + size + len(payload), 1, 0, 64, 17, 0) + PEER + OURS + options
    )
    target.inject(
        ethernet(header[:10] + struct.pack("!H", checksum(header, 0, len(header), 0)) + header[12:] + payload)
    )


def segment_on_connection(target: Target, argument: bytes) -> None:
    if len(argument) < 6:
        return
    flags, ahead, acked, option_words, window = struct.unpack_from("!BbbBH", argument)
    size = option_words % 11 * 4
    options, payload = argument[6 : 6 + size].ljust(size, b"\0"), argument[6 + size :]
    frame = tcp(40000, LISTENING, target.seq + ahead, target.ack + acked, flags, payload, options, window)
    target.inject(ethernet(frame))
    if ahead == 0 and not flags & (SYN | RST | FIN):
        target.seq += len(payload)


def segment_from_anybody(target: Target, argument: bytes) -> None:
    if len(argument) >= 12:
        port, seq, ack, flags, option_words = struct.unpack_from("!HIIBB", argument)
        size = option_words % 11 * 4
        options = argument[12 : 12 + size].ljust(size, b"\0")
        target.inject(ethernet(tcp(port, LISTENING, seq, ack, flags, argument[12 + size :], options)))


def datagram(target: Target, argument: bytes) -> None:
    if len(argument) >= 2:
        port = UDP_PORT if argument[0] & 1 else 9
        header = struct.pack("!HHHH", 5353, port, 8 + len(argument) - 2 + (argument[1] if argument[0] & 2 else 0), 0)
        target.inject(ethernet(ipv4(with_checksum(header + argument[2:], 6, 17), 17)))


def icmp_error(target: Target, argument: bytes) -> None:
    """About the established connection, or about anything."""
    if len(argument) < 8:
        return
    quoted = argument[8:]
    if argument[0] & 1:
        quoted = ipv4(struct.pack("!HHII", LISTENING, 40000, target.ack & 0xFFFFFFFF, 0) + quoted, 6)
        quoted = quoted[:12] + OURS + PEER + quoted[20:]
    message = struct.pack("!BBH", argument[1] % 20, argument[2] % 20, 0) + argument[4:8] + quoted
    message = message[:2] + struct.pack("!H", checksum(message, 0, len(message), 0)) + message[4:]
    target.inject(ethernet(ipv4(message, 1)))


def fragment(target: Target, argument: bytes) -> None:
    if len(argument) >= 4:
        offset, ident = struct.unpack_from("!HH", argument)
        target.inject(ethernet(ipv4(argument[4:], 17, fragment=offset, ident=ident % 4)))


def time_passes(target: Target, argument: bytes) -> None:
    target.pass_time(min(int.from_bytes(argument[:2], "big") * MS, 30 * SECOND))


def truncated_segment(target: Target, argument: bytes) -> None:
    """A good segment, cut short or with octets changed in flight."""
    frame = bytearray(ethernet(tcp(40000, LISTENING, target.seq, target.ack, ACK | PSH, argument)))
    for where, what in zip(argument[1::2], argument[2::2], strict=False):
        frame[where % len(frame)] ^= what
    target.inject(bytes(frame[: argument[0] if argument and argument[0] else len(frame)]))


ACTIONS: tuple[Callable[[Target, bytes], None], ...] = (
    raw_frame,
    addressed_frame,
    ip_payload,
    ip_with_options,
    segment_on_connection,
    segment_from_anybody,
    datagram,
    icmp_error,
    fragment,
    time_passes,
    truncated_segment,
)
