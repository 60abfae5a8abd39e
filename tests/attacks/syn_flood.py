"""A SYN flood from spoofed sources against a stack that serves, all in memory.

By itself it prints the figures: ``python tests/attacks/syn_flood.py [sources]``, a million when none is given.
"""

from __future__ import annotations

import argparse
import resource
from dataclasses import dataclass
from time import process_time

import usernet
from usernet.core.const import CSUM_UNNECESSARY, IPPROTO_TCP, MS, SECOND
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet
from usernet.link.const import IFF_UP
from usernet.link.device import Device, Upper
from usernet.link.veth import veth_pair
from usernet.sockets.factory import socket
from usernet.tcp.const import ACK, SYN
from usernet.wire.ipv4 import emit_ipv4
from usernet.wire.tcp import Segment, emit, syn_options, timestamp_option

SERVER = bytes((10, 7, 0, 1))
WILD = bytes((198, 51, 100, 2))
PORT = 80
CHUNK = bytes(1 << 16)


class Answers(Upper):
    """The far end of the wild side: it counts what comes back, and keeps what one honest host is sent."""

    def __init__(self) -> None:
        self.count = 0
        self.honest: Segment | None = None
        self.honest_address = b""

    def receive_frame(self, device: Device, packet: Packet, now: int) -> None:
        """One frame from the server."""
        self.count += 1
        at = packet.head + 14
        if bytes(packet.buf[at + 16 : at + 20]) == self.honest_address:
            packet.l4 = at + 20
            segment = Segment()
            if segment.parse(packet):
                self.honest = segment


@dataclass
class Figures:
    """What a run showed; rates are octets a second of processor time."""

    sources: int
    quiet_rate: float
    flooded_rate: float
    syns_per_second: float
    syn_ns: float
    requests: int
    endpoints: int
    cookies: int
    honest: int
    pool: int
    grown_kib: int


class Battlefield:
    """A server; a client with a connection that is never idle; and the wild side, from which the flood comes."""

    def __init__(self, backlog: int = 128) -> None:
        self.host = usernet.Host("sim", seed=1)
        self.server = usernet.Stack("server", self.host)
        self.client = usernet.Stack("client", self.host)
        near, far = veth_pair("near", "far")
        self.server.attach(near, "10.7.0.1/24")
        self.client.attach(far, "10.7.0.2/24")
        self.gate, self.outside = veth_pair("gate", "outside")
        interface = self.server.attach(self.gate, "198.51.100.1/24", "198.51.100.2")
        interface.neighbours.add_static(WILD, bytes(5) + b"\x07")
        self.answers = Answers()
        self.outside.upper = self.answers
        self.host.add_device(self.outside)
        # Nobody hears the answers to nobody: what a wire does with them is no cost of the stack's.
        self.outside.flags &= ~IFF_UP
        self.entropy = Entropy(b"flood")
        options = syn_options(1460, 7, True, (77, 0))
        self.syn = bytes(self.octets_of(WILD, emit(1024, PORT, 0, 0, SYN, 64240, options)))
        self.listener = socket(self.server, self.host, 2, 1, 0)
        self.listener.timeout_ns = 0
        self.listener.bind(("0.0.0.0", PORT))
        self.listener.listen(backlog)
        self.sender = socket(self.client, self.host, 2, 1, 0)
        self.sender.timeout_ns = 0
        self.sender.connect_ex(("10.7.0.1", PORT))
        self.host.run_until(self.host.now() + 50 * MS)
        self.receiver, _ = self.listener.accept()
        self.receiver.timeout_ns = 0

    def carry(self, octets: int, syns: float = 0, *, deliver: bool = True) -> int:
        """Let the connection carry so many octets, that many spoofed SYNs coming with each chunk; returns the SYNs.

        Without ``deliver`` the SYNs are made and thrown away, so that only the stack's own work is compared.
        """
        carried = made = chunks = 0
        while carried < octets:
            self.sender.send(CHUNK)
            chunks += 1
            while made < chunks * syns:
                packet = self.spoofed_syn()
                if deliver:
                    self.gate.deliver(packet, self.host.now())
                made += 1
            self.host.run_until(self.host.now() + MS)
            while True:
                try:
                    carried += len(self.receiver.recv(1 << 20))
                except BlockingIOError:
                    break
        return made

    def spoofed_syn(self) -> Packet:
        """A SYN from nobody: source address, port and sequence number are anything."""
        entropy = self.entropy
        buf = bytearray(self.syn)
        buf[42:46] = (0x01000000 + entropy.below(0x6F000000)).to_bytes(4, "big")
        buf[50:52] = (1024 + entropy.below(60000)).to_bytes(2, "big")
        buf[54:58] = entropy.u32().to_bytes(4, "big")
        return self.frame(buf)

    def frame(self, buf: bytearray) -> Packet:
        """A frame, its checksums found good by the device."""
        ip_header_sum = sum(int.from_bytes(buf[at : at + 2], "big") for at in range(30, 50, 2) if at != 40)
        ip_header_sum = (ip_header_sum & 0xFFFF) + (ip_header_sum >> 16)
        buf[40:42] = (((ip_header_sum & 0xFFFF) + (ip_header_sum >> 16)) ^ 0xFFFF).to_bytes(2, "big")
        packet = Packet(buf, 16, len(buf))
        packet.csum = CSUM_UNNECESSARY
        return packet

    def octets_of(self, source: bytes, segment: bytes) -> bytearray:
        """A segment in a datagram in a frame, 16 octets of headroom before it."""
        buf = bytearray(16) + self.gate.address + bytes(5) + b"\x07" + b"\x08\0" + bytes(20) + segment
        numbers = int.from_bytes(source, "big"), int.from_bytes(SERVER, "big")
        emit_ipv4(buf, 30, 0, 20 + len(segment), 1, 0x4000, 60, IPPROTO_TCP, *numbers)
        return buf

    def inject(self, source: bytes, segment: bytes) -> None:
        """One segment arrives at the gate."""
        self.gate.deliver(self.frame(self.octets_of(source, segment)), self.host.now())

    def honest_host_gets_in(self, number: int) -> bool:
        """A real host opens a connection through the flood: SYN, the answer's ACK, and accept()."""
        self.outside.flags |= IFF_UP
        try:
            return self._handshake(number)
        finally:
            self.outside.flags &= ~IFF_UP

    def _handshake(self, number: int) -> bool:
        address = bytes((192, 0, 2, number))
        self.answers.honest_address, self.answers.honest = address, None
        self.inject(address, emit(40000, PORT, 1000, 0, SYN, 64240, syn_options(1460, 7, True, (5, 0))))
        self.host.run_until(self.host.now() + MS)
        answer = self.answers.honest
        if answer is None:
            return False
        options = timestamp_option(6, answer.tsval)
        self.inject(address, emit(40000, PORT, 1001, answer.seq + 1 & 0xFFFFFFFF, ACK, 502, options))
        self.host.run_until(self.host.now() + MS)
        try:
            child, (name, _port) = self.listener.accept()
        except BlockingIOError:
            return False
        child.close()
        return name == f"192.0.2.{number}"

    def close(self) -> None:
        """All of it ends."""
        self.host.close()


def run(sources: int, syns: float = 0.35, honest: int = 10) -> Figures:
    """The same transfer twice, first in peace, then while ``sources`` spoofed SYNs come, ``syns`` with each 64 KiB."""
    field = Battlefield()
    try:
        octets = int(sources / syns) * len(CHUNK)
        field.carry(octets // 4 + 1)
        start = process_time()
        field.carry(octets, syns, deliver=False)
        quiet = process_time() - start
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        got_in = 0
        made = 0
        start = process_time()
        for number in range(honest):
            made += field.carry(octets // honest + 1, syns)
            got_in += field.honest_host_gets_in(number + 1)
        flooded = process_time() - start
        listener = field.listener.listener
        assert listener is not None
        return Figures(
            sources=made,
            quiet_rate=octets / quiet,
            flooded_rate=octets / flooded,
            syns_per_second=made / flooded,
            syn_ns=(flooded - quiet) / made * SECOND,
            requests=len(listener.requests),
            endpoints=sum(1 for _ in field.server.tcp.tcbs()),
            cookies=field.server.context.counters.tcp_ext.SyncookiesSent,
            honest=got_in,
            pool=field.server.context.pool.used,
            grown_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
        )
    finally:
        field.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What a SYN flood from spoofed sources costs, all in memory.")
    parser.add_argument("sources", type=int, nargs="?", default=1_000_000, help="how many SYNs (default: %(default)s)")
    print(run(parser.parse_args().sources))
