"""What middleboxes do to segments on their way, and that connections live with it (RFC 3234), in Linux's way."""

import pytest

from usernet.core.checksum import pseudo_sum
from usernet.core.const import CSUM_NONE
from usernet.core.packet import Packet
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN, SYN_RECEIVED, SYN_SENT, URG
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, REMOTE, Owner, Scene
from usernet.testing.wire import A, B, Pair
from usernet.wire.tcp import Segment, emit

ALL = {"mss": 1460, "wscale": 7, "sack_permitted": True, "ts": (1000, 0)}


def passive(**options):
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb


def active(**options):
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = peer.open_active(**options)
    return scene, peer, tcb


class Box(Pair):
    """Rewrites the options of segments with ``rewrite(flags, options)``."""

    rewrite = None

    def _fly(self, dst, packet):
        seg = Segment()
        seg.parse(packet)
        options = bytes(packet.buf[packet.l4 + 20 : seg.data])
        if self.rewrite is not None:
            options = self.rewrite(dst, seg.flags, options)
            octets = bytes(packet.buf[seg.data : packet.tail])
            octets = emit(seg.sport, seg.dport, seg.seq, seg.ack, seg.flags, seg.wnd, options, octets)
            made = Packet(packet.buf[:8] + octets, 0, 8 + len(octets))
            made.addr_off, made.addr_len, made.l4, made.csum = 0, 4, 8, packet.csum
            packet = made
        super()._fly(dst, packet)


def without(kinds):
    """A rewrite that puts NOPs over options of these kinds."""

    def rewrite(options):
        out, at = bytearray(options), 0
        while at < len(out) and out[at] != 0:
            size = 1 if out[at] == 1 else out[at + 1]
            if out[at] in kinds:
                out[at : at + size] = b"\1" * size
            at += size
        return bytes(out)

    return rewrite


def carried(box, size=300_000):
    """Both directions carry that much."""
    listener = box.b.listen(Owner(), box.b.bind(b"", 80, 4, 1), 10, Settings())
    tcb = box.a.connect(Owner(), None, B, 80, Settings(), box.now)
    child, left, got = None, [bytes(size), bytes(size)], [0, 0]
    for _ in range(600):
        box.run(ms=100)
        child = child or listener.accept(box.now)
        if child is None:
            continue
        for i, end in enumerate((tcb, child)):
            if left[i]:
                left[i] = left[i][max(end.send(left[i], box.now), 0) :]
            got[i] += len(end.recv(1 << 24, False, box.now) or b"")
        if got == [size, size]:
            return tcb, child
    raise AssertionError(f"{got} of {size} came through, {tcb.state} {child and child.state}")


MSS, WSCALE, SACK_OK, SACK, TS = 2, 3, 4, 5, 8


@pytest.mark.parametrize("kinds", [(MSS,), (WSCALE,), (SACK_OK,), (TS,), (MSS, WSCALE, SACK_OK, TS)], ids=str)
@pytest.mark.parametrize("flags", [SYN, SYN | ACK], ids=["syn", "syn,ack"])
def test_options_stripped_from_one_syn(flags, kinds):
    box = Box(loss=0.01, seed=b"box")
    strip = without(kinds)
    box.rewrite = lambda dst, had, options: strip(options) if had & (SYN | ACK) == flags else options
    # Where only the client does not know of a window scale it reads windows far too small, and crawls.
    tcb, child = carried(box, 20_000 if WSCALE in kinds and flags != SYN else 300_000)
    if SACK_OK in kinds and flags == SYN:
        assert not tcb.sack_ok and not child.sack_ok
    if TS in kinds and flags == SYN:
        assert not tcb.ts_ok and not child.ts_ok


@pytest.mark.parametrize("kind", [SACK, TS], ids=["sack", "timestamps"])
def test_options_stripped_after_the_handshake(kind):
    box = Box(loss=0.01, seed=b"late")
    strip = without((kind,))
    box.rewrite = lambda dst, had, options: options if had & SYN else strip(options)
    carried(box)


def test_sack_edges_that_were_not_rewritten_with_the_sequence_numbers_do_no_harm():
    # A firewall that randomizes sequence numbers and forgets the SACK option.
    box = Box(loss=0.02, seed=b"isn")

    def rewrite(dst, had, options):
        at = options.find(bytes((1, 1, SACK))) + 2  # a timestamp may hold the number too
        if had & SYN or at < 2:
            return options
        out = bytearray(options)
        for edge in range(at + 2, at + out[at + 1], 4):
            number = (int.from_bytes(out[edge : edge + 4], "big") + 0x5000_0000) & 0xFFFFFFFF
            out[edge : edge + 4] = number.to_bytes(4, "big")
        return bytes(out)

    box.rewrite = rewrite
    carried(box)
    assert box.a.ext.TCPSACKDiscard + box.b.ext.TCPSACKDiscard > 0


def test_a_window_scale_lost_on_the_way_to_the_client_lets_both_go_on():
    # The server thinks it was agreed on: the client's windows look larger than they are to it, its own smaller.
    box = Box()
    strip = without((WSCALE,))
    box.rewrite = lambda dst, had, options: strip(options) if dst == A and had & SYN else options
    tcb, child = carried(box, 30_000)
    assert tcb.snd_wscale == tcb.rcv_wscale == 0 and child.snd_wscale > 0


@pytest.mark.parametrize(("offered", "used"), [(0, 536), (1, 48), (47, 48), (536, 536), (1400, 1400), (65535, 1460)])
def test_an_mss_clamped_or_absurd(offered, used):
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, options=bytes((2, 4)) + offered.to_bytes(2, "big"))
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    assert tcb.mss == used
    tcb.send(bytes(5000), scene.now)
    assert all(len(x.payload) <= used for x in peer.drain())


# Split handshakes: SYN and ACK come apart (Beardsley and Qian, 2010).


def opening():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    binding = scene.tcp.bind(LOCAL, 5000, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, REMOTE, 40000, Settings(), scene.now)
    peer.expect(SYN)
    return scene, peer, tcb


def test_a_handshake_split_in_four_opens():
    _, peer, tcb = opening()
    peer.send(SYN, mss=1460)
    assert tcb.state == SYN_RECEIVED
    peer.expect(SYN | ACK, seq=0, ack=1)
    peer.send(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED


def test_a_handshake_split_in_five_opens():
    _, peer, tcb = opening()
    peer.send(ACK, seq=500, ack=1)
    peer.expect_nothing()
    assert tcb.state == SYN_SENT
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK, seq=0, ack=1)
    peer.send(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED


def test_a_handshake_whose_first_ack_is_of_something_else_is_reset_and_goes_on():
    scene, peer, tcb = opening()
    peer.send(ACK, seq=7, ack=100)
    peer.expect(RST, seq=100)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    assert tcb.state == ESTABLISHED and scene.counters.tcp.OutRsts == 1


# Timestamps in the middle of a connection, as Linux takes them.


def test_a_timestamp_set_to_zero_is_old_and_answered_seldom():
    scene, peer, tcb = passive(**ALL)
    for _ in range(100):
        peer.send(ACK, seq=1, ack=1, ts=(0, 0))
    assert len(peer.drain()) <= 1 and scene.counters.tcp_ext.PAWSEstab == 100
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(1001, 0))
    assert tcb.available() == 1


def test_an_echo_of_zero_measures_nothing():
    scene, peer, tcb = passive(**ALL)
    before = tcb.rtt.srtt
    tcb.send(b"x", scene.now)
    peer.drain()
    scene.run_until(tcb.rtx_timer.expires_at)
    peer.drain()
    scene.advance(s=3)
    peer.send(ACK, seq=1, ack=2, ts=(1001, 0))
    assert tcb.rtt.srtt == before


def test_timestamps_that_nobody_agreed_on_are_ignored():
    # RFC 7323 3.2.
    _, peer, tcb = passive(mss=1460)
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(5, 5))
    peer.send(ACK, seq=2, ack=1, payload=b"y", ts=(1, 5))
    assert tcb.available() == 2 and not tcb.ts_ok


def test_an_ack_that_was_overtaken_by_a_newer_one_is_let_in():
    # Linux's tcp_disordered_ack_check.
    scene, peer, tcb = passive(**ALL)
    peer.send(ACK, seq=1, ack=1, ts=(1100, 0))
    peer.drain()
    peer.send(ACK, seq=1, ack=1, wnd=65535, ts=(1099, 0))
    assert scene.counters.tcp_ext.PAWSEstab == 0
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(1099, 0))
    assert scene.counters.tcp_ext.PAWSEstab == 1 and tcb.available() == 0


def test_old_acks_of_old_text_are_counted_and_not_answered():
    scene, peer, tcb = passive(**ALL)
    peer.send(PSH | ACK, seq=1, ack=1, payload=b"x" * 10, ts=(1100, 0))
    peer.drain()
    scene.advance(s=1)
    peer.drain()
    peer.send(ACK, seq=5, ack=1, ts=(1000, 0))
    peer.expect_nothing()
    assert scene.counters.tcp_ext.PAWSOldAck == 1 and tcb.available() == 10


# Flags and fields.


def test_a_reset_with_text_resets_and_its_text_is_read_by_nobody():
    # RFC 9293 3.10.7.4: a RST may carry a reason.
    _, peer, tcb = passive(mss=1460)
    peer.send(RST | ACK, seq=1, ack=1, payload=b"go away")
    assert tcb.state == CLOSED and tcb.available() == 0


def test_a_reset_one_before_what_is_expected_counts_after_a_fin():
    # Some stacks do not count their FIN.
    scene, peer, tcb = passive(mss=1460)
    peer.send(FIN | ACK, seq=1, ack=1)
    peer.send(RST, seq=1)
    assert tcb.state == CLOSED
    scene, peer, tcb = passive(mss=1460)
    peer.send(PSH | ACK, seq=1, ack=1, payload=b"x")
    peer.send(RST, seq=1)
    assert tcb.state == ESTABLISHED and scene.counters.tcp_ext.TCPChallengeACK == 0


def test_a_reset_at_the_edge_of_the_window_is_outside():
    # RFC 5961 3.2: SEG.SEQ < RCV.NXT + RCV.WND.
    _, peer, tcb = passive(mss=1460)
    edge = 1 + tcb.receive_window()
    peer.send(RST, seq=edge)
    peer.expect_nothing()
    peer.send(RST, seq=edge - 1)
    peer.expect(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED


def test_reserved_bits_are_ignored():
    scene, peer, tcb = passive(mss=1460)
    octets = bytearray(emit(40000, 80, (peer.isn + 1) & 0xFFFFFFFF, (peer.iss + 1) & 0xFFFFFFFF, ACK | PSH, 5000))
    octets[12] |= 0x0E
    octets += b"x"
    head = bytes(8) + REMOTE + LOCAL
    packet = Packet(bytearray(head + octets), 8, len(head) + len(octets))
    packet.addr_off, packet.addr_len, packet.l4, packet.csum = 8, 4, len(head), CSUM_NONE
    acc = pseudo_sum(packet.buf, 8, 4, 6, len(octets))
    check = packet.sum_from(packet.l4, acc) ^ 0xFFFF
    packet.buf[packet.l4 + 16 : packet.l4 + 18] = check.to_bytes(2, "big")
    scene.tcp.receive(packet, scene.now)
    assert tcb.available() == 1


@pytest.mark.parametrize("flags", [0, FIN, PSH, URG, FIN | PSH | URG, FIN | URG])
def test_segments_without_ack_are_dropped_in_silence(flags):
    _, peer, tcb = passive(mss=1460)
    peer.send(flags, seq=1, payload=b"x")
    peer.expect_nothing()
    assert tcb.state == ESTABLISHED and tcb.available() == 0


def test_an_urgent_pointer_to_nowhere_loses_no_text():
    scene, peer, tcb = passive(mss=1460)
    for n, pointer in enumerate((0, 1, 5, 500, 65535)):
        octets = bytearray(
            emit(40000, 80, (peer.isn + 1 + 4 * n) & 0xFFFFFFFF, (peer.iss + 1) & 0xFFFFFFFF, URG | PSH | ACK, 9000)
        )
        octets[18:20] = pointer.to_bytes(2, "big")
        peer.send_octets(bytes(octets) + b"text")
    assert tcb.rcv_nxt == (peer.isn + 21) & 0xFFFFFFFF
    got = b""
    while tcb.available():
        piece = tcb.recv(100, False, scene.now)
        if not piece:
            break
        got += piece
    # All of it, but for the octets marked urgent, which are read out of line.
    assert 15 <= len(got) <= 20


def test_garbage_behind_the_end_of_options_is_not_read():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, options=bytes((2, 4, 5, 180, 0, 3, 3, 14)))
    answer = peer.expect(SYN | ACK)
    assert answer.wscale == -1 and answer.mss == 1460
    peer.send(ACK, seq=1, ack=1, options=bytes((0, 8, 10, 255)))
    assert listener.accept(scene.now) is not None
