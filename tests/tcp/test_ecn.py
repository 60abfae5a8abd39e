"""Classic ECN (RFC 3168), its exact echo for DCTCP (RFC 8257 3.2), and what cards and captures make of the flags."""

import pytest

from usernet.core.const import GSO_ACCECN, GSO_ECN, GSO_TCPV4
from usernet.core.packet import Packet
from usernet.link.const import F_ACCECN, F_ALL
from usernet.link.gso import segment
from usernet.link.loopback import Loopback
from usernet.tcp.congestion import CongestionControl
from usernet.tcp.congestion.reno import Reno
from usernet.tcp.const import (
    ACK,
    AE,
    CA_CWR,
    CA_OPEN,
    CE,
    CWR,
    ECE,
    ECN_CLASSIC,
    ECT_0,
    ECT_1,
    FIN,
    NOT_ECT,
    PSH,
    SYN,
)  # fmt: skip
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner, Scene
from usernet.wire.ipv4 import emit_ipv4
from usernet.wire.tcp import emit

ASKED = SYN | ECE | CWR


def served(scene=None, **settings):
    """A connection that asked for classic ECN and was granted it, and its peer."""
    scene = scene or Scene(tcp_ecn=2)
    peer = scene.peer()
    given = Settings()
    for name, value in settings.items():
        setattr(given, name, value)
    listener = scene.listen(settings=given)
    peer.send(ASKED, mss=1460, sack_permitted=True)
    peer.expect(SYN | ACK | ECE, ecn=NOT_ECT if not settings else None)
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    assert tcb.ecn.mode == ECN_CLASSIC
    return scene, peer, tcb


class Exact(Reno):
    """A control that needs ECN, and notes what it is told."""

    name = "exact"

    def __init__(self):
        super().__init__()
        self.needs_ecn = True
        self.told = []
        self.echoes = 0

    def on_ce(self, sample, now):
        self.told.append((sample.delivered, sample.ce, sample.ece))

    def on_echo(self, now):
        self.echoes += 1
        return self.cwnd - 1


class Scalable(Exact):
    """One whose packets tell that it is (RFC 9331)."""

    name = "scalable"

    def __init__(self):
        super().__init__()
        self.ect = ECT_1


def with_control(cls: type[CongestionControl], **sysctls):
    scene = Scene(**sysctls)
    scene.tcp.controls.register(cls)
    return scene


# Negotiation.


def test_rfc3168_6_1_1_both_ends_must_ask():
    scene = Scene(tcp_ecn=1)
    for flags in (0, ECE, CWR):
        peer = scene.peer(local_port=80 + flags)
        scene.listen(80 + flags)
        peer.send(SYN | flags, mss=1460)
        peer.expect(SYN | ACK)


def test_a_flood_of_syns_that_ask_for_ecn_makes_no_controls():
    class Counted(CongestionControl):
        name = "counted"
        made = 0

        def __init__(self):
            super().__init__()
            Counted.made += 1

    scene = with_control(Counted, tcp_ecn=1)
    scene.context.sysctl.set("net.ipv4.tcp_congestion_control", "counted")
    scene.listen()
    for port in range(10):
        peer = scene.peer(remote_port=20_000 + port)
        peer.send(ASKED, mss=1460)
        assert peer.drain()[-1].flags == SYN | ACK | ECE
    assert Counted.made == 1


def test_rfc3168_6_1_1_1_the_second_syn_asks_no_more():
    scene = Scene(tcp_ecn=1)
    peer = scene.peer()
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    peer.expect(ASKED)
    scene.advance(ms=1100)
    peer.expect(SYN)
    # The SYN,ACK may be the answer to the first. We hear its marks then, but are not ECN-capable ourselves.
    peer.send(SYN | ACK | ECE, seq=0, ack=1, mss=1460)
    peer.expect(ACK, ecn=NOT_ECT)
    assert tcb.ecn.mode == ECN_CLASSIC
    tcb.send(b"x", scene.now)
    peer.expect(ACK, ecn=NOT_ECT)
    peer.send(ACK, seq=1, ack=2, payload=b"y", ecn=CE)
    peer.expect(ACK | ECE, ack=2)


def test_rfc3168_6_1_1_a_server_that_gave_up_asking_is_not_ecn_capable():
    for again in (False, True):
        scene = Scene(tcp_ecn=2)
        peer = scene.peer()
        listener = scene.listen()
        peer.send(ASKED, mss=1460)
        if again:
            peer.send(SYN, mss=1460)
        else:
            scene.advance(s=4)
        flags = [sent.flags for sent in peer.drain()]
        assert flags == ([SYN | ACK | ECE] * 2 if again else [SYN | ACK | ECE, SYN | ACK | ECE, SYN | ACK])
        peer.send(ACK, seq=1, ack=1)
        tcb = listener.accept(scene.now)
        tcb.send(b"x", scene.now)
        peer.expect(ACK, ecn=NOT_ECT)


def test_rfc3168_6_1_1_a_syn_ack_with_cwr_is_no_ecn_setup():
    scene = Scene(tcp_ecn=1)
    peer = scene.peer()
    tcb, _ = open_asking(scene, peer, SYN | ACK | ECE | CWR)
    assert tcb.ecn is None


def open_asking(scene, peer, answer):
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    asked = peer.expect(ASKED)
    peer.send(answer, seq=0, ack=1, mss=1460)
    peer.expect(ACK)
    return tcb, asked


def test_a_syn_cookie_remembers_classic_ecn_in_its_timestamp():
    for stamps, granted in ((None, False), ((100, 0), True)):
        scene = Scene(tcp_ecn=1, tcp_syncookies=2)
        peer = scene.peer()
        listener = scene.listen()
        peer.send(ASKED, mss=1460, ts=stamps)
        answer = peer.expect(SYN | ACK | (ECE if granted else 0))
        peer.send(ACK, seq=1, ack=1, ts=(101, answer.ts[0]) if stamps else None)
        tcb = listener.accept(scene.now)
        assert (tcb.ecn is not None) is granted


def test_ecn_is_off_for_who_does_not_ask():
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_active()
    assert tcb.ecn is None
    tcb.send(b"x", scene.now)
    peer.expect(ACK, ecn=NOT_ECT)


# What is ECN-capable.


def test_rfc3168_6_1_5_only_new_text_is_ecn_capable():
    scene, peer, tcb = served()
    tcb.send(b"x", scene.now)
    peer.expect(ACK, seq=1, length=1, ecn=ECT_0)
    scene.advance(s=2)
    assert {(sent.seq, sent.ecn) for sent in peer.drain()} == {(1, NOT_ECT)}
    peer.send(ACK, seq=1, ack=2, payload=b"y")
    peer.expect(ACK, seq=2, ack=2, length=0, ecn=NOT_ECT)
    tcb.shutdown_send(scene.now)
    peer.expect(FIN | ACK, seq=2, ecn=NOT_ECT)


def test_rfc3168_6_1_6_a_window_probe_is_not():
    scene, peer, tcb = served()
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(b"x", scene.now)
    scene.advance(s=1)
    probe = peer.expect(ACK, length=0)
    assert probe.ecn == NOT_ECT and probe.raw_seq == (peer.iss + 0) & 0xFFFFFFFF


def test_the_service_class_of_the_program_is_kept():
    scene = Scene(tcp_ecn=2)
    peer = scene.peer()
    given = Settings()
    given.tos = 0x10
    listener = scene.listen(settings=given)
    peer.send(ASKED, mss=1460)
    assert peer.expect(SYN | ACK | ECE).packet.tos == 0x10
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"x", scene.now)
    assert peer.expect(ACK).packet.tos == 0x12


# The receiver.


def test_rfc3168_6_1_3_ece_from_ce_until_cwr():
    scene, peer, _tcb = served()
    seq = 1
    for ecn, flags, echoed in (
        (ECT_0, 0, 0),
        (CE, 0, ECE),
        (ECT_0, 0, ECE),
        (NOT_ECT, 0, ECE),
        (ECT_0, CWR, 0),
        (ECT_0, 0, 0),
        (CE, CWR, ECE),  # the answer to one mark and another mark in one segment
    ):
        peer.send(ACK | flags, seq=seq, ack=1, payload=b"x", ecn=ecn)
        seq += 1
        scene.advance(ms=300)
        peer.expect(ACK | echoed, ack=seq)


def test_rfc3168_6_1_5_marks_outside_the_window_are_not_echoed():
    scene, peer, _tcb = served()
    peer.send(ACK, seq=1, ack=1, payload=b"x", ecn=ECT_0)
    peer.expect(ACK)
    peer.send(ACK, seq=1, ack=1, payload=b"x", ecn=CE)
    peer.expect(ACK)
    peer.send(ACK, seq=1 << 20, ack=1, payload=b"x", ecn=CE)
    scene.advance(s=1)
    assert not any(sent.flags & ECE for sent in peer.drain())


def test_a_mark_and_the_answer_to_it_are_acknowledged_at_once():
    scene, peer, tcb = served()
    seq = 1
    while tcb.quick or seq < 20:
        peer.send(ACK, seq=seq, ack=1, payload=b"q", ecn=ECT_0)
        seq += 1
    scene.advance(ms=100)
    peer.drain()
    for ecn, flags, echoed in ((CE, 0, ECE), (ECT_0, CWR, 0)):
        peer.send(ACK | flags, seq=seq, ack=1, payload=b"q", ecn=ecn)
        seq += 1
        peer.expect(ACK | echoed, ack=seq)


def test_ect_1_is_taken_like_ect_0():
    _scene, peer, tcb = served()
    peer.send(ACK, seq=1, ack=1, payload=b"x", ecn=ECT_1)
    peer.expect(ACK)
    assert tcb.ecn.seen and tcb.info()["options"] & 24 == 24


# The sender.


def test_rfc3168_6_1_2_an_echo_is_answered_once_a_round_trip_and_with_cwr():
    scene, peer, tcb = served()
    tcb.send(b"x" * 14600, scene.now)
    assert all(not sent.flags & CWR for sent in peer.drain())
    before = tcb.cc.cwnd
    peer.send(ACK | ECE, seq=1, ack=1461)
    assert tcb.ca_state == CA_CWR and tcb.cc.ssthresh == before * 7 // 10
    once = tcb.cc.ssthresh
    tcb.send(b"y" * 14600, scene.now)
    for ack in range(2921, 14601, 1460):
        peer.send(ACK | ECE, seq=1, ack=ack)
    assert tcb.cc.ssthresh == once
    sent = peer.drain()
    assert [packet.flags & CWR for packet in sent] == [CWR] + [0] * (len(sent) - 1)
    assert tcb.rate.delivered_ce == 10 - 1 and scene.counters.tcp_ext.TCPDeliveredCE == 9
    # Another round trip, another answer.
    peer.send(ACK, seq=1, ack=sent[-1].seq + len(sent[-1].payload))
    assert tcb.ca_state == CA_OPEN
    tcb.send(b"z" * 14600, scene.now)
    first = peer.drain()[0]
    peer.send(ACK | ECE, seq=1, ack=first.seq + len(first.payload))
    assert tcb.ca_state == CA_CWR and tcb.cc.ssthresh < once


def test_rfc3168_6_1_2_an_echo_restarts_the_retransmission_timer():
    scene, peer, tcb = served()
    tcb.send(b"x" * 2920, scene.now)
    tcb.cc.cwnd = 1
    before = tcb.rtx_timer.expires_at
    scene.advance(ms=50)
    peer.send(ACK | ECE, seq=1, ack=1461)
    assert tcb.rtx_timer.expires_at > before


def test_rfc3168_6_1_2_cwr_waits_for_new_text():
    scene, peer, tcb = served()
    tcb.send(b"x" * 1460 * 4, scene.now)
    peer.drain()
    # Loss: the window comes down, and what is sent again does not tell of it.
    for edge in (2, 3, 4):
        peer.send(ACK, seq=1, ack=1, sack=[(1461, 1461 + (edge - 1) * 1460)])
    scene.advance(ms=50)
    assert [sent.flags & CWR for sent in peer.drain() if sent.seq == 1] == [0]
    peer.send(ACK, seq=1, ack=1 + 4 * 1460)
    tcb.send(b"y", scene.now)
    peer.expect(ACK | CWR | PSH, seq=1 + 4 * 1460, ecn=ECT_0)


def test_rfc3168_6_1_2_after_a_timeout_too():
    scene, peer, tcb = served()
    tcb.send(b"x", scene.now)
    scene.advance(s=2)
    peer.drain()
    peer.send(ACK, seq=1, ack=2)
    tcb.send(b"y", scene.now)
    peer.expect(ACK | CWR, seq=2)


def test_echoes_of_a_peer_without_ecn_mean_nothing():
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_active()
    tcb.send(b"x" * 2920, scene.now)
    peer.drain()
    peer.send(ACK | ECE | CWR | AE, seq=1, ack=1461)
    assert tcb.ca_state == CA_OPEN and tcb.rate.delivered_ce == 0


# Controls that need ECN.


def test_a_control_that_needs_ecn_asks_whatever_the_sysctl_says_and_marks_everything():
    scene = with_control(Exact, tcp_ecn=0, tcp_congestion_control="cubic")
    peer = scene.peer()
    given = Settings()
    given.congestion = "exact"
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, given, scene.now)
    peer.expect(ASKED, ecn=ECT_0)
    peer.send(SYN | ACK | ECE, seq=0, ack=1, mss=1460)
    peer.expect(ACK, ecn=ECT_0)
    tcb.send(b"x" * 2920, scene.now)
    assert [sent.ecn for sent in peer.drain()] == [ECT_0, ECT_0]
    peer.send(ACK | ECE, seq=1, ack=1461)
    peer.send(ACK, seq=1, ack=2921)
    assert tcb.cc.told == [(1, 1, True), (1, 0, False)] and tcb.cc.echoes == 1


def test_rfc8257_3_2_ece_is_the_mark_of_what_is_acknowledged():
    scene = with_control(Exact, tcp_ecn=1)
    scene, peer, tcb = served(scene, congestion="exact")
    seq = 1
    while tcb.quick or seq < 20:
        peer.send(ACK, seq=seq, ack=1, payload=b"q", ecn=ECT_0)
        seq += 1
    scene.advance(ms=100)
    peer.drain()
    # A delayed ACK is pending when the state changes: it goes first, with the old state.
    peer.send(ACK, seq=seq, ack=1, payload=b"a", ecn=ECT_0)
    peer.expect_nothing()
    peer.send(ACK, seq=seq + 1, ack=1, payload=b"b", ecn=CE)
    peer.expect(ACK, ack=seq + 1)
    peer.expect(ACK | ECE, ack=seq + 2)
    peer.send(ACK, seq=seq + 2, ack=1, payload=b"c", ecn=CE)
    scene.advance(ms=300)
    peer.expect(ACK | ECE, ack=seq + 3)
    peer.send(ACK, seq=seq + 3, ack=1, payload=b"d", ecn=ECT_0)
    peer.expect(ACK, ack=seq + 4)
    peer.expect_nothing()


def test_rfc9331_a_scalable_control_asks_for_accurate_ecn_and_sends_ect_1():
    scene = with_control(Scalable, tcp_ecn=0)
    peer = scene.peer()
    given = Settings()
    given.congestion = "scalable"
    listener = scene.listen(settings=given)
    peer.send(SYN | AE | CWR | ECE, mss=1460, ecn=ECT_1)
    peer.expect(SYN | ACK | CWR | ECE, ecn=ECT_1)
    peer.send(ACK | CWR | ECE, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"x" * 2920, scene.now)
    assert {sent.ecn for sent in peer.drain()} == {ECT_1}
    peer.send(ACK | AE | CWR, seq=1, ack=2921)
    assert tcb.cc.told[-1] == (2, 1, True)


def test_rfc9331_a_scalable_control_does_without_where_there_is_classic_ecn_only():
    scene = with_control(Scalable, tcp_ecn=1)
    peer = scene.peer()
    given = Settings()
    given.congestion = "scalable"
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, given, scene.now)
    peer.expect(SYN | AE | CWR | ECE, ecn=ECT_1)
    peer.send(SYN | ACK | ECE, seq=0, ack=1, mss=1460)
    peer.expect(ACK, ecn=NOT_ECT)
    assert tcb.ecn is None


# Super-segments.


def frame(flags, size, gso_type, ident=0, seq=0, tos=0, gso=1000):
    """A TCP super-segment at its IP header, for a device without link headers."""
    octets = bytearray(64) + bytearray(20) + emit(1, 2, seq, 0, ACK | flags, 100, b"", b"x" * size)
    packet = Packet(octets, 64, len(octets))
    packet.l3, packet.l4 = 64, 84
    packet.protocol = 6
    emit_ipv4(packet.buf, 64, tos, len(octets) - 64, ident, 0x4000, 64, 6, 0x0A000001, 0x0A000002)
    packet.gso_size, packet.gso_type = (gso, gso_type) if gso else (0, 0)
    return packet


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(GSO_ECN, [CWR, 0, 0]), (0, [CWR, 0, 0]), (GSO_ACCECN, [CWR, CWR, CWR])],
)
def test_cwr_stands_once_or_as_part_of_a_counter_in_every_segment(kind, wanted):
    pieces = segment(frame(CWR | AE, 3000, GSO_TCPV4 | kind), 0)
    assert [piece.buf[piece.l4 + 13] & CWR for piece in pieces] == wanted
    assert all(piece.buf[piece.l4 + 12] & 1 for piece in pieces)


class Wire(Loopback):
    """A device that keeps what it is given."""

    def __init__(self, features):
        super().__init__("w")
        self.features = features
        self.seen = []

    def transmit(self, packet, now):
        self.seen.append(packet)
        return True


def test_a_device_that_would_clear_cwr_gets_segments_of_such_a_counter():
    for features, kind, count in (
        (F_ALL & ~F_ACCECN, GSO_ACCECN, 3),
        (F_ALL, GSO_ACCECN, 1),
        (F_ALL & ~F_ACCECN, 0, 1),
    ):
        device = Wire(features)
        device.emit(frame(CWR, 3000, GSO_TCPV4 | kind), 0)
        assert len(device.seen) == count
