"""Connections with accurate ECN, for tests."""

from usernet.core.packet import Packet
from usernet.tcp.accecn import flags_of, handshake_flags
from usernet.tcp.const import (
    ACK,
    AE,
    CWR,
    ECE,
    ECT_0,
    NOT_ECT,
    SYN,
)  # fmt: skip
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner, Scene
from usernet.wire.tcp import Segment, accecn_option, emit, syn_options

ALL = AE | CWR | ECE
FIRST = [1, 0, 1]  # EE1B, ECEB, EE0B before anything was counted


def served(scene=None, ace=2, ecn=NOT_ECT, option=True, data=b"", **sysctls):
    """A connection that asked for accurate ECN and was granted it, and its peer."""
    scene = scene or Scene(**{"tcp_ecn": 3, **sysctls})
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | ALL, options=syn_options(1460, -1, True, None), ecn=ecn)
    answer = peer.expect(SYN | ACK | handshake_flags(ecn), seq=0, ack=1, ecn=NOT_ECT)
    options = accecn_option(FIRST) + b"\1" if option else b""
    peer.send(ACK | flags_of(ace), seq=1, ack=1, options=options, payload=data)
    tcb = listener.accept(scene.now)
    return scene, peer, tcb, answer


def connected(ace=2, ecn=NOT_ECT, option=True, **sysctls):
    """A connection of ours whose SYN,ACK comes with this ACE value and ECN field; and the ACK of it."""
    scene = Scene(**{"tcp_ecn": 3, **sysctls})
    peer = scene.peer()
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    scene.tcp.unbind(binding)
    asked = peer.expect(SYN | ALL if scene.tcp.sysctls.ecn == 3 else asked_flags(scene), seq=0, ecn=NOT_ECT)
    options = syn_options(1460, -1, True, None)
    if option:
        options += accecn_option(FIRST) + b"\1"
    peer.send(SYN | ACK | flags_of(ace), seq=0, ack=1, options=options, ecn=ecn)
    return scene, peer, tcb, asked


def asked_flags(scene):
    return SYN | {1: ECE | CWR, 3: ALL, 4: ECE | CWR}.get(scene.tcp.sysctls.ecn, 0)


def quiet(scene, peer, tcb, ecn=ECT_0):
    """Use up the quick ACKs of a start, and put the delayed ACK of what is left behind us."""
    seq = 1
    while tcb.quick or seq < 20:
        peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"q", ecn=ecn)
        seq += 1
    scene.advance(ms=100)
    peer.drain()
    return seq


def parsed(options, flags=ACK):
    seg = Segment()
    octets = emit(1, 2, 3, 4, flags, 5, options)
    packet = Packet(bytearray(octets), 0, len(octets))
    packet.l4 = 0
    assert seg.parse(packet)
    return seg
