"""No octet twice and none lost, whatever comes again; a full buffer holds no more (RFC 9293 3.8)."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from usernet.core.const import POLLIN
from usernet.core.packet import Packet
from usernet.tcp.const import ACK, HELD_OVERHEAD, PSH
from usernet.tcp.receive import wire_segments
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene

TEXT = bytes(range(1, 252)) * 40


def opened(rcvbuf=0, **sysctls):
    settings = Settings()
    settings.rcvbuf = rcvbuf
    scene = Scene(**sysctls)
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(settings=settings), sack_permitted=True)
    return scene, peer, tcb, owner


def text(peer, start, end, flags=ACK):
    """The octets of TEXT with these numbers."""
    peer.send(flags, seq=start, ack=1, payload=TEXT[start - 1 : end - 1])


def waiting():
    """A connection whose ACK of the octets up to 201 is not out yet."""
    scene, peer, tcb, owner = opened()
    tcb.quick, tcb.pingpong = 0, 3
    text(peer, 1, 101, ACK | PSH)
    text(peer, 101, 201, ACK | PSH)
    peer.expect_nothing()
    return scene, peer, tcb, owner


def charged(scene, tcb):
    """What the pool holds is what the connection has."""
    assert scene.context.pool.used == tcb.rcv_queue.length + tcb.ofo.memory
    return scene.context.pool.used


# What comes again.


def test_text_that_came_before_its_ack_is_answered_and_not_taken_again():
    scene, peer, tcb, _ = waiting()
    ext = scene.counters.tcp_ext
    text(peer, 1, 101)
    peer.expect(ACK, ack=201, sack=[(1, 101)])
    peer.expect_nothing()
    assert tcb.bytes_received == tcb.available() == 200 and ext.DelayedACKLost == ext.TCPDSACKOldSent == 1
    assert tcb.recv(999, False, scene.now) == TEXT[:200] and ext.TCPDSACKOfoSent == 0


def test_of_text_half_of_which_came_the_other_half_is_taken():
    scene, peer, tcb, _ = waiting()
    text(peer, 51, 301)
    scene.advance(ms=200)
    peer.expect(ACK, ack=301, sack=[(51, 201)])
    assert tcb.bytes_received == 300 and scene.counters.tcp_ext.TCPDSACKOldSent == 1
    assert tcb.recv(999, False, scene.now) == TEXT[:300] and charged(scene, tcb) == 0
    text(peer, 301, 401)
    assert tcb.recv(999, False, scene.now) == TEXT[300:400]


def test_without_dsack_what_comes_again_is_not_told():
    scene, peer, tcb, _ = opened(tcp_dsack=0)
    tcb.quick, tcb.pingpong = 0, 3
    text(peer, 1, 201, ACK | PSH)
    text(peer, 1, 101)
    peer.expect(ACK, ack=201, sack=[])
    assert tcb.recv(999, False, scene.now) == TEXT[:200] and scene.counters.tcp_ext.TCPDSACKOldSent == 0


def test_what_is_held_already_is_told_and_not_held_twice():
    scene, peer, tcb, _ = opened()
    ext = scene.counters.tcp_ext
    text(peer, 301, 401)
    peer.expect(ACK, ack=1, sack=[(301, 401)])
    held = charged(scene, tcb)
    assert held == 100 + HELD_OVERHEAD and ext.TCPOFOQueue == 1 and ext.TCPOFOMerge == 0
    text(peer, 301, 401)
    peer.expect(ACK, ack=1, sack=[(301, 401), (301, 401)])
    assert charged(scene, tcb) == held and tcb.info()["rcv_ooopack"] == ext.TCPOFOQueue == 2
    assert ext.TCPOFOMerge == ext.TCPDSACKOfoSent == 1 and ext.TCPDSACKOldSent == 0
    text(peer, 1, 301)
    peer.expect(ACK, ack=401, sack=[])
    assert tcb.recv(999, False, scene.now) == TEXT[:400] and charged(scene, tcb) == 0


@pytest.mark.parametrize(
    ("octets", "size", "segments"),
    [(1, 0, 1), (9000, 0, 1), (1, 1000, 1), (999, 1000, 1), (1000, 1000, 1), (1001, 1000, 2), (3000, 1000, 3)],
)
def test_how_many_segments_were_joined_on_the_way(octets, size, segments):
    packet = Packet(bytearray(octets), 0, octets)
    packet.gso_size = size
    assert wire_segments(packet, octets) == segments


@pytest.mark.parametrize(
    ("held", "came", "twice", "block"),
    [
        ([(201, 301)], (151, 251), (201, 251), (151, 301)),
        ([(201, 301)], (251, 351), (251, 301), (201, 351)),
        ([(201, 301)], (151, 351), (201, 301), (151, 351)),
        ([(201, 301)], (201, 351), (201, 301), (201, 351)),
        ([(201, 301)], (151, 301), (201, 301), (151, 301)),
        ([(201, 301)], (221, 281), (221, 281), (201, 301)),
        ([(201, 251), (251, 301)], (151, 351), (201, 301), (151, 351)),
        ([(201, 251), (251, 301)], (211, 291), (211, 291), (201, 301)),
        # Of two stretches apart one D-SACK tells the first.
        ([(201, 221), (261, 301)], (151, 351), (201, 221), (151, 351)),
        ([(201, 221), (261, 301)], (211, 271), (211, 221), (201, 301)),
        # What only touches did not come twice.
        ([(201, 301)], (301, 351), None, (201, 351)),
        ([(201, 301)], (151, 201), None, (151, 301)),
    ],
)
def test_rfc2883_4_what_of_a_segment_was_held_already_is_told(held, came, twice, block):
    scene, peer, tcb, _ = opened()
    for stretch in held:
        text(peer, *stretch)
    scene.advance(ms=2)
    peer.drain()
    text(peer, *came)
    scene.advance(ms=2)
    peer.expect(ACK, ack=1, sack=[block] if twice is None else [twice, block])
    assert scene.counters.tcp_ext.TCPDSACKOfoSent == (twice is not None)
    text(peer, 1, 151)
    text(peer, 151, 401)
    assert tcb.recv(999, False, scene.now) == TEXT[:400] and charged(scene, tcb) == 0


def test_text_in_order_that_reaches_what_is_held_tells_what_came_twice():
    scene, peer, tcb, _ = opened()
    for stretch in ((101, 121), (121, 141), (161, 181), (201, 301)):
        text(peer, *stretch)
    scene.advance(ms=2)
    peer.drain()
    text(peer, 1, 251)
    scene.advance(ms=200)
    peer.expect(ACK, ack=301, sack=[(101, 141)])
    assert tcb.recv(999, False, scene.now) == TEXT[:300] and charged(scene, tcb) == 0


def test_of_blocks_those_beyond_the_next_gap_stay_newest_first():
    scene, peer, tcb, _ = opened()
    for left in (901, 701, 501, 301, 101):
        text(peer, left, left + 50)
    scene.advance(ms=2)
    assert peer.drain()[-1].sack == [(101, 151), (301, 351), (501, 551), (701, 751)]
    text(peer, 1, 101)
    scene.advance(ms=200)
    peer.expect(ACK, ack=151, sack=[(301, 351), (501, 551), (701, 751)])
    text(peer, 151, 501)
    scene.advance(ms=200)
    assert peer.drain()[-1].sack[-1] == (701, 751) and tcb.rcv_nxt - tcb.irs & 0xFFFFFFFF == 551
    held = tcb.space.held
    text(peer, 551, 701)
    assert tcb.space.held - held >= 150 + 50


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 39), st.integers(1, 12), st.sampled_from([1, 7])), min_size=1, max_size=40))
@example([(2, 2, 7), (6, 2, 7), (1, 8, 7), (0, 12, 7)])
def test_no_octet_is_taken_twice_and_none_is_lost_in_whatever_order_they_come(segments):
    scene, peer, tcb, _ = opened()
    came = set()
    most, read = 0, b""
    for at, n, unit in segments:
        start, end = 1 + at * unit, 1 + (at + n) * unit
        text(peer, start, end)
        twice = came.intersection(range(start, end))
        came.update(range(start, end))
        scene.advance(ms=200)
        nxt = next(number for number in range(1, 1000) if number not in came)
        answer = peer.drain()[-1]
        assert answer.ack == nxt and charged(scene, tcb) >= 0
        blocks = answer.sack
        if twice:
            left, right = blocks[0]
            assert twice.issuperset(range(left, right)) and left == min(twice)
            blocks = blocks[1:]
        assert all(came.issuperset(range(left, right)) for left, right in blocks)
        assert all(nxt < left < right for left, right in blocks)
        most = max(most, sum(number - 1 not in came for number in came if number > nxt))
        if most <= 4:
            # None was forgotten, so each is all of its stretch.
            assert all(left - 1 not in came and right not in came for left, right in blocks)
        assert len(set(blocks)) == len(blocks)
        if start > nxt:
            assert blocks[0][0] <= start and end <= blocks[0][1]
        read += tcb.recv(999, False, scene.now) or b""
        assert read == TEXT[: nxt - 1]
        sizes = [(piece.end - piece.start) & 0xFFFFFFFF for piece in tcb.ofo.held]
        beyond = sum(number > nxt for number in came)
        assert 0 not in sizes and charged(scene, tcb) == beyond + len(sizes) * HELD_OVERHEAD


# A buffer that is full.


def test_a_flood_of_holes_is_held_as_far_as_the_buffer_goes():
    scene, peer, tcb, _ = opened(rcvbuf=10_000)
    ext = scene.counters.tcp_ext
    for start in range(3, 4003, 20):
        held = len(tcb.ofo.held)
        text(peer, start, start + 10)
        assert charged(scene, tcb) <= 10_000 + 10 + HELD_OVERHEAD
        scene.advance(ms=2)
        answers = peer.drain()
        assert bool(answers) == (len(tcb.ofo.held) > held)
        assert not answers or answers[-1].sack[0] == (start, start + 10)
    # What lies beyond all that is held drives nothing out.
    assert ext.PruneCalled == ext.TCPOFODrop == ext.RcvPruned > 100 and ext.OfoPruned == ext.TCPRcvCollapsed == 0
    for start in range(1, 4003, 500):
        text(peer, start, start + 500)
        assert tcb.recv(999, False, scene.now)
    assert tcb.bytes_received >= 4001 and charged(scene, tcb) == 0


def test_of_text_with_a_gap_before_it_what_lies_farthest_goes_first():
    scene, peer, tcb, _ = opened(rcvbuf=10_000)
    ext, dropped = scene.counters.tcp_ext, 0
    for start in range(4003, 3, -20):
        before = [piece.start for piece in tcb.ofo.held]
        text(peer, start, start + 10)
        assert charged(scene, tcb) <= 10_000 + 10 + HELD_OVERHEAD
        now = [piece.start for piece in tcb.ofo.held]
        gone = len(before) + 1 - len(now)
        assert now[1:] == before[: len(before) - gone]
        if gone:
            # An eighth of the buffer, so that the next ones find room; and no more work than that.
            assert (gone - 1) * (10 + HELD_OVERHEAD) < 10_000 >> 3 <= gone * (10 + HELD_OVERHEAD)
            dropped += 1
    assert dropped == ext.OfoPruned == ext.PruneCalled > 10 and ext.TCPOFODrop == ext.RcvPruned == 0


def test_what_was_dropped_is_told_no_more_though_it_came_twice():
    scene, peer, tcb, _ = opened(rcvbuf=8_000)
    text(peer, 101, 201)
    start = 1001
    while tcb.ofo.memory <= 8_000:
        text(peer, start, start + 10)
        start += 20
    scene.advance(ms=2)
    peer.drain()
    tcb.rcv_buf += 1_000
    text(peer, start - 20, start - 10)
    tcb.rcv_buf -= 1_000
    assert tcb.dsack_count == 1
    text(peer, 1, 51)
    answer = peer.drain()[-1]
    edge = (tcb.ofo.end() - tcb.irs) & 0xFFFFFFFF
    assert answer.ack == 51 and len(tcb.ofo.held) > 10 and edge < start - 20
    assert all(right <= edge for _, right in answer.sack)


def test_a_stretch_that_lost_its_end_is_told_as_far_as_it_is_held():
    scene, peer, tcb, _ = opened(rcvbuf=4_000)
    start = 101
    while tcb.ofo.memory <= 4_000:
        text(peer, start, start + 10)
        start += 10
    scene.advance(ms=2)
    assert peer.drain()[-1].sack == [(101, start)]
    text(peer, 1, 51)
    scene.advance(ms=200)
    edge = (tcb.ofo.end() - tcb.irs) & 0xFFFFFFFF
    assert peer.drain()[-1].sack == [(101, edge)] and 101 < edge < start
    text(peer, 51, 101)
    assert tcb.recv(9999, False, scene.now) == TEXT[: edge - 1]


def test_short_of_memory_all_that_has_a_gap_goes_for_what_is_in_order():
    scene, peer, tcb, _ = opened(pool=20_000)
    for start in range(1001, 5001, 200):
        text(peer, start, start + 100)
    scene.context.pool.force(20_000 - scene.context.pool.used)
    text(peer, 1, 101)
    assert tcb.recv(999, False, scene.now) == TEXT[:100] and not tcb.ofo.held and tcb.sack_count == 0


def test_short_of_memory_a_segment_nearer_to_the_gap_takes_the_place_of_those_behind_it():
    scene, peer, tcb, _ = opened(pool=20_000)
    for start in range(1001, 5001, 200):
        text(peer, start, start + 100)
    rest = 20_000 - scene.context.pool.used
    scene.context.pool.force(rest)
    text(peer, 2901, 3001)
    assert [(piece.start - tcb.irs) & 0xFFFFFFFF for piece in tcb.ofo.held] == [*range(1001, 2901, 200), 2901]
    scene.context.pool.force(20_000 - scene.context.pool.used)
    text(peer, 4901, 5001)
    assert scene.counters.tcp_ext.TCPOFODrop == 1 and len(tcb.ofo.held) == 11


def test_a_flood_of_holes_widens_no_buffer_beyond_the_sysctl():
    scene, peer, tcb, _ = opened(tcp_rmem="4096 8192 12000")
    most = 0
    for start in range(3, 4003, 20):
        before = tcb.rcv_buf
        text(peer, start, start + 10)
        assert tcb.rcv_buf >= before and charged(scene, tcb) <= 12_000 + 10 + HELD_OVERHEAD
        most = max(most, tcb.rcv_buf)
    assert most == 12_000 and scene.counters.tcp_ext.TCPOFODrop > 0


def test_text_in_order_drives_out_what_has_a_gap_before_it():
    scene, peer, tcb, _ = opened(rcvbuf=10_000)
    start = 1003
    while tcb.ofo.memory <= 10_000:
        text(peer, start, start + 10)
        start += 20
    peer.drain()
    text(peer, 1, 501)
    # Of the four it would tell of the last three went.
    peer.expect(ACK, ack=501, sack=[(start - 80, start - 70)])
    assert tcb.recv(999, False, scene.now) == TEXT[:500] and 8_000 < charged(scene, tcb) < 9_000
    assert scene.counters.tcp_ext.OfoPruned == scene.counters.tcp_ext.PruneCalled == 1


def shrunk(to):
    """A connection with 4200 octets waiting in packets that cost 8960, whose buffer is made smaller."""
    scene, peer, tcb, owner = opened(rcvbuf=20_000)
    for start in range(1, 4201, 600):
        text(peer, start, start + 600)
    peer.drain()
    assert tcb.space.held == 8960
    tcb.settings.rcvbuf = to
    tcb.settings_changed(scene.now)
    owner.take()
    return scene, peer, tcb, owner


def test_packets_are_joined_when_they_cost_more_than_the_buffer():
    scene, peer, tcb, _ = shrunk(5_000)
    ext = scene.counters.tcp_ext
    text(peer, 4201, 4301)
    assert tcb.available() == tcb.space.held == 4300 and ext.PruneCalled == ext.TCPRcvCollapsed == 1
    assert tcb.space.ssthresh == 2 * tcb.advmss and tcb.quick == 0 and ext.TCPRcvQDrop == ext.RcvPruned == 0
    assert tcb.recv(9999, False, scene.now) == TEXT[:4300]


def test_text_beyond_a_buffer_that_shrank_is_dropped_and_the_window_shut():
    scene, peer, tcb, owner = shrunk(4_000)
    ext = scene.counters.tcp_ext
    text(peer, 4201, 4801)
    peer.expect(ACK, ack=4201, wnd=0)
    assert ext.TCPRcvQDrop == ext.RcvPruned == 1 and owner.take() & POLLIN and charged(scene, tcb) == 4200
    peer.drain()
    assert tcb.recv(9999, False, scene.now) == TEXT[:4200]
    text(peer, 4201, 4801)
    assert tcb.recv(9999, False, scene.now) == TEXT[4200:4800] and charged(scene, tcb) == 0


def test_text_with_a_gap_beyond_a_buffer_that_shrank_is_dropped():
    scene, peer, tcb, owner = shrunk(4_000)
    text(peer, 4801, 5401)
    scene.advance(ms=200)
    peer.expect_nothing()
    assert scene.counters.tcp_ext.TCPOFODrop == 1 and owner.take() & POLLIN and charged(scene, tcb) == 4200
