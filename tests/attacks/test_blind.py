"""An attacker who sees nothing and guesses (RFC 5961, RFC 4953, RFC 5927): how often, and at what cost."""

from __future__ import annotations

from errno import ECONNREFUSED, EMSGSIZE

import pytest

from usernet.core.const import SECOND
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN, TIME_WAIT
from usernet.testing.peer import Scene

from .field import guesses, opened

WINDOW = 65535


@pytest.mark.parametrize("flags", [RST, RST | ACK, SYN, SYN | ACK], ids=["rst", "rst,ack", "syn", "syn,ack"])
def test_a_sweep_through_the_whole_sequence_space_ends_nothing(flags: int) -> None:
    # One segment for each window: one of them is inside, none exact.
    _scene, peer, tcb = opened()
    for seq in range(2, 1 << 32, WINDOW):
        if (seq - 1) % (1 << 32) != 0:
            peer.send(flags, seq=seq, ack=1)
    assert tcb.state == ESTABLISHED
    # Every SYN deserves a challenge, and one each half second is given.
    assert len(peer.drain()) <= 2


def test_random_resets_hit_once_in_four_billion() -> None:
    _scene, peer, tcb = opened()
    for seq in guesses(b"rst", 20_000):
        if seq != 1:
            peer.send(RST, seq=seq)
    assert tcb.state == ESTABLISHED and len(peer.drain()) <= 2
    peer.send(RST, seq=1)
    assert tcb.state == CLOSED


def test_random_text_is_let_in_by_neither_sequence_nor_acknowledgment_number() -> None:
    # An honest stack accepts a share of window / 2**32 by sequence number, and of those few an ACK that can be true.
    scene, peer, tcb = opened()
    tcb.send(b"x" * 1000, scene.now)
    peer.drain()
    numbers = guesses(b"data", 40_000)
    for seq, ack in zip(numbers[::2], numbers[1::2], strict=True):
        peer.send(ACK, seq=seq, ack=ack, payload=b"evil")
    assert tcb.available() == 0 and tcb.ofo.memory == 0
    assert tcb.snd_una == (tcb.iss + 1) & 0xFFFFFFFF and tcb.state == ESTABLISHED


def test_text_inside_the_window_needs_an_acknowledgment_that_can_be_true() -> None:
    _scene, peer, tcb = opened()
    for ack in guesses(b"ack", 5000):
        if (ack - 1) % (1 << 32) > 0 and (1 - ack) % (1 << 32) > 1:
            peer.send(ACK, seq=1, ack=ack, payload=b"evil")
    assert tcb.available() == 0 and len(peer.drain()) <= 2


def test_random_fins_close_nothing() -> None:
    _scene, peer, tcb = opened()
    numbers = guesses(b"fin", 10_000)
    for seq, ack in zip(numbers[::2], numbers[1::2], strict=True):
        peer.send(FIN | ACK, seq=seq, ack=ack)
    assert tcb.state == ESTABLISHED and not tcb.rcv_fin


def test_challenges_are_bounded_for_each_connection() -> None:
    scene, peer, tcb = opened()
    for _ in range(100):
        for _ in range(50):
            peer.send(RST, seq=100)
        scene.advance(ms=100)
    # 10 seconds at one each 500 ms.
    assert 15 <= len(peer.drain()) <= 21 and tcb.state == ESTABLISHED


def test_challenges_are_bounded_for_the_stack_and_do_not_tell_who_is_connected() -> None:
    # CVE-2016-5696: the shared limit leaked. It is random around the sysctl's value in each second.
    scene = Scene(tcp_challenge_ack_limit=100)
    listener = scene.listen(backlog=1000)
    peers = [scene.peer(remote_port=20_000 + i, wrap=False) for i in range(400)]
    for peer in peers:
        peer.open_passive(listener)
    scene.sender.sent.clear()
    counts = []
    for _ in range(6):
        for peer in peers:
            peer.send(RST, seq=100)
        counts.append(len(scene.sender.sent))
        scene.sender.sent.clear()
        scene.advance(ms=1001)
    assert all(50 <= count <= 150 for count in counts) and len(set(counts)) > 1


def test_icmp_needs_a_segment_in_flight() -> None:
    scene, peer, tcb = opened()
    tcb.send(b"x" * 1000, scene.now)
    peer.drain()
    for seq in guesses(b"icmp", 20_000):
        if not 1 <= seq <= 1000:
            peer.icmp(seq, ECONNREFUSED, code=3)
            peer.icmp(seq, EMSGSIZE, code=4, info=600)
    assert tcb.state == ESTABLISHED and tcb.mss == 1460 and tcb.take_error() == 0
    assert scene.counters.tcp_ext.OutOfWindowIcmps >= 39_000
    peer.expect_nothing()


def test_a_made_up_timestamp_poisons_nothing() -> None:
    # One accepted from far in the future would shut the real peer out for 24 days (RFC 7323 7).
    _scene, peer, tcb = opened(ts=(1000, 0))
    for ack in (5000, 0x4000_0000, 0x9000_0000):
        peer.send(ACK, seq=1, ack=ack, ts=(0x7000_0000, 0))
    peer.send(ACK, seq=50_000, ack=1, ts=(0x7000_0000, 0), payload=b"beyond")
    peer.send(RST, seq=5, ts=(0x7000_0000, 0))
    peer.drain()
    peer.send(PSH | ACK, seq=1, ack=1, payload=b"honest", ts=(1001, 0))
    assert tcb.available() == 6 and tcb.ts_recent == 1001


def test_a_syn_does_not_end_time_wait_unless_it_is_newer() -> None:
    scene, peer, tcb = opened()
    tcb.close(scene.now)
    peer.send(ACK, seq=1, ack=2)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.drain()
    assert [x.state for x in scene.tcp.tcbs() if x.state != 10] == [TIME_WAIT]
    for _ in range(1000):
        peer.send(SYN, seq=0)
        peer.send(RST, seq=77)
    assert [x.state for x in scene.tcp.tcbs() if x.state != 10] == [TIME_WAIT]
    assert len(peer.drain()) <= 2


def test_an_opening_is_finished_only_by_who_saw_the_answer() -> None:
    # The echo of a timestamp that no SYN,ACK had gives a guess away, whatever its ACK (Linux's TSEcrRejected).
    scene = Scene()
    listener = scene.listen()
    peer = scene.peer()
    peer.send(SYN, mss=1460, ts=(100, 0))
    answer = peer.expect(SYN | ACK)
    assert answer.ts is not None
    for echo in guesses(b"echo", 1000):
        if echo not in (0, answer.ts[0]):
            peer.send(ACK, seq=1, ack=1, ts=(101, echo))
    assert listener.accept(scene.now) is None and scene.counters.tcp_ext.TSEcrRejected == 1000
    assert len(peer.drain()) <= 1
    peer.send(ACK, seq=1, ack=1, ts=(101, answer.ts[0]))
    assert listener.accept(scene.now) is not None


def test_segments_that_cannot_be_the_peers_keep_no_dead_connection_alive() -> None:
    scene, peer, tcb = opened()
    tcb.settings.keepalive = True
    tcb.settings.keepidle_ns = 10 * SECOND
    tcb.settings.keepintvl_ns = SECOND
    tcb.settings.keepcnt = 3
    tcb.settings_changed(scene.now)
    for _ in range(200):
        scene.advance(ms=100)
        peer.send(ACK, seq=1, ack=0x7000_0000)
        peer.send(RST, seq=50)
        peer.send(SYN, seq=50)
    assert tcb.state == CLOSED
