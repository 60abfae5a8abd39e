"""A peer that lies in its acknowledgments: storms, division, optimism, SACK floods (CVE-2019-11477 to 11479)."""

from __future__ import annotations

import pytest

from usernet.tcp.const import ACK, CA_OPEN, ESTABLISHED
from usernet.tcp.settings import Settings
from usernet.tcp.tcb import Tcb
from usernet.testing.peer import Owner, Peer, Scene
from usernet.testing.wire import B, Pair

from .field import opened, steps

MSS = 1460
# Of the scoreboard, whatever a peer acknowledges.
MAX_RECORDS = 16384


def test_ack_division_earns_no_more_than_honest_acks() -> None:
    # Savage et al.: an ACK for each octet must not open the window by a segment each.
    scene, peer, tcb = opened()
    tcb.send(bytes(10 * MSS), scene.now)
    peer.drain()
    before = tcb.cc.cwnd
    for octet in range(2, 2 * MSS + 2):
        peer.send(ACK, seq=1, ack=octet)
    assert tcb.cc.cwnd - before <= 2


def test_duplicate_acks_earn_nothing() -> None:
    scene, peer, tcb = opened(sack_permitted=True)
    tcb.send(bytes(10 * MSS), scene.now)
    peer.drain()
    before = tcb.cc.cwnd
    for _ in range(10_000):
        peer.send(ACK, seq=1, ack=1)
    assert tcb.cc.cwnd <= before and len(peer.drain()) <= 10


def test_optimistic_acks_beyond_what_was_sent_earn_nothing() -> None:
    scene, peer, tcb = opened()
    tcb.send(bytes(100 * MSS), scene.now)
    sent = sum(len(x.payload) for x in peer.drain())
    before = tcb.cc.cwnd
    for step in range(1, 1000):
        peer.send(ACK, seq=1, ack=sent + 1 + step * MSS)
    assert tcb.cc.cwnd == before and tcb.snd_una == (tcb.iss + 1) & 0xFFFFFFFF
    assert len(peer.drain()) <= 1


def test_two_ends_that_disagree_do_not_storm() -> None:
    # Sequence numbers of one direction are forged, so that each end finds the other's ACKs out of its window.
    pair = Pair()
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 80, 4, 1), 10, Settings())
    tcb = pair.a.connect(Owner(), None, B, 80, Settings(), pair.now)
    pair.run(ms=100)
    child = listener.accept(pair.now)
    assert child is not None
    child.rcv_nxt = child.rcv_wup = (child.rcv_nxt + 1_000_000) & 0xFFFFFFFF
    before = pair.count
    tcb.send(b"x", pair.now)
    pair.run(s=10)
    # Retransmissions with backoff, each with its answer.
    assert pair.count - before < 40


def many_holes(scene: Scene, segments: int, mss: int = MSS) -> tuple[Peer, Tcb, int]:
    """A large window of data outstanding to a peer that allows it."""
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=mss, wscale=14, sack_permitted=True)
    peer.send(ACK, seq=1, ack=1, wnd=65535)
    tcb.cc.cwnd = segments
    tcb.snd_buf = segments * mss
    sent = 0
    while sent < segments * mss:
        taken = tcb.send(bytes(min(60_000, segments * mss - sent)), scene.now)
        if taken <= 0:
            break
        sent += taken
    peer.drain()
    return peer, tcb, sent


def test_a_sack_flood_costs_the_same_for_each_ack_however_much_is_outstanding() -> None:
    costs = []
    for segments in (500, 4000):
        scene = Scene(gso_max=65535, pool=64 << 20)
        peer, _tcb, _sent = many_holes(scene, segments)
        worst = 0
        for hole in range(200):
            base = 1 + (hole * 4 + 1) * MSS
            blocks = [(base, base + MSS), (base + 2 * MSS, base + 3 * MSS)]
            worst = max(worst, steps(lambda peer=peer, blocks=blocks: peer.send(ACK, seq=1, ack=1, sack=blocks)))
            peer.drain()
        costs.append(worst)
    assert costs[1] < 2 * costs[0], costs


def test_what_an_undo_gave_time_is_not_walked_over_by_each_ack() -> None:
    # RFC 8985 6.2 walks over what is newly lost. All else that was sent before what arrived waits for one timer.
    costs = []
    for size in (100, 1000):
        scene, peer, tcb = opened(sack_permitted=True, rtt_ms=100, wscale=14)
        peer.send(ACK, seq=1, ack=1, wnd=65535)
        tcb.cc.cwnd, tcb.snd_buf = size, 16 << 20
        tcb.send(bytes(2 * size * MSS), scene.now)
        scene.advance(ms=20)
        board = tcb.board
        for at in range(size):
            board.mark_lost(board.at(at), scene.now)
        board.unmark_lost()
        tcb.cc.cwnd = 2 * size
        peer.send(ACK, seq=1, ack=1, wnd=65535)
        scene.advance(ms=40)
        # The widest window for reordering: nothing is given up for a while.
        tcb.rack.steps, tcb.rack.persist, tcb.rack.reord_seen = 255, 16, 1
        peer.drain()
        worst = 0
        for at in range(size, size + 50):
            block = [(1 + at * MSS, 1 + (at + 1) * MSS)]
            took = steps(lambda peer=peer, block=block: peer.send(ACK, seq=1, ack=1, wnd=65535, sack=block))
            # The first passes over all that was sent before it, once and for all.
            worst = max(worst, took) if at > size else 0
            peer.drain()
        assert tcb.rack.advanced is False and board.lost_out == 0 and board.order.suspect is board.at(size - 1)
        costs.append(worst)
    assert costs[1] < 1.5 * costs[0], costs


@pytest.mark.parametrize("mss", [1, 8, 48])
def test_a_tiny_mss_is_not_obeyed_below_the_floor(mss: int) -> None:
    # CVE-2019-11479: headers would be nearly all that is sent.
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=mss, ts=(1, 0))
    assert tcb.mss == 48 - 12
    tcb.send(bytes(500), scene.now)
    assert all(len(x.payload) <= 36 for x in peer.drain())


def test_sacks_split_no_more_records_than_a_bound() -> None:
    # CVE-2019-11478: with a tiny MSS every segment of a large buffer can be made a record of its own.
    scene = Scene(gso_max=65535, pool=64 << 20)
    peer, tcb, sent = many_holes(scene, 40_000, 48)
    assert sent > 48 * 2 * MAX_RECORDS
    for at in range(1, sent - 8 * 48, 8 * 48):
        blocks = [(at + i * 96, at + i * 96 + 48) for i in range(4)]
        peer.send(ACK, seq=1, ack=1, sack=blocks)
        peer.drain()
    assert tcb.board.count() <= MAX_RECORDS + 8 and tcb.state == ESTABLISHED
    assert scene.counters.tcp_ext.TCPWqueueTooBig > 0
    peer.send(ACK, seq=1, ack=1 + sent)
    assert tcb.board.count() == 0 and tcb.board.packets_out == 0 and tcb.outq() == 0


def test_sack_edges_of_every_size_keep_the_counts_true() -> None:
    # CVE-2019-11477: counts of segments overflowed. Edges fall anywhere, in tiny segments.
    scene = Scene(gso_max=65535)
    peer, tcb, sent = many_holes(scene, 2000, 48)
    at = 1
    for step in range(400):
        at += 1 + step % 131
        peer.send(ACK, seq=1, ack=1, sack=[(at, at + 1 + step % 97), (at + 200, at + 200 + step)])
        peer.drain()
        board = tcb.board
        assert 0 <= board.sacked_out <= board.packets_out and 0 <= board.lost_out <= board.packets_out
    peer.send(ACK, seq=1, ack=1 + sent)
    assert tcb.board.packets_out == 0 == tcb.board.sacked_out == tcb.board.lost_out == tcb.board.retrans_out


def test_a_flood_of_d_sacks_changes_nothing() -> None:
    scene, peer, tcb = opened(sack_permitted=True)
    tcb.send(bytes(4 * MSS), scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 4 * MSS)
    tcb.send(bytes(4 * MSS), scene.now)
    peer.drain()
    before = tcb.cc.cwnd
    for _ in range(10_000):
        peer.send(ACK, seq=1, ack=1 + 4 * MSS, sack=[(1, 1 + MSS)])
    assert tcb.cc.cwnd <= before + 1 and tcb.ca_state == CA_OPEN and len(peer.drain()) <= 4


def test_blocks_that_make_no_sense_are_counted_and_ignored() -> None:
    # Also what a middlebox makes that rewrites sequence numbers and forgets the option.
    scene, peer, tcb = opened(sack_permitted=True)
    tcb.send(bytes(10 * MSS), scene.now)
    peer.drain()
    for left, right in ((5, 5), (MSS, 1), (0x7000_0000, 0x7000_0100), (1 + 9 * MSS, 1 + 12 * MSS), (0xF000_0000, 50)):
        peer.send(ACK, seq=1, ack=1, sack=[(left, right)])
    assert tcb.board.sacked_out == 0 and scene.counters.tcp_ext.TCPSACKDiscard >= 4
    peer.send(ACK, seq=1, ack=1 + 10 * MSS)
    assert tcb.board.packets_out == 0
