"""What a receiver learns of its peer from the segments that come: how long they are, and the round trip (as Linux)."""

import pytest

from usernet.tcp.const import ACK, PSH, URG
from usernet.tcp.transmit import timestamp
from usernet.tcp.window import grow_window, window_offer
from usernet.testing.peer import Scene

N, P, U = ACK, ACK | PSH, ACK | URG


def opened(**options):
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb


@pytest.mark.parametrize("stamped", [False, True])
@pytest.mark.parametrize(
    ("segments", "mss"),
    [
        ([(700, N)], 700),
        ([(900, N), (700, N)], 900),
        ([(900, N), (700, N), (700, N)], 700),
        ([(900, N), (700, N), (600, N), (700, N)], 900),
        ([(900, N), (700, N), (900, N), (700, N)], 900),
        # What is pushed is the end of a write, unless it is as long as the least MSS.
        ([(900, N), (536, P), (536, P)], 536),
        ([(900, N), (520, P), (520, P)], 900),
        ([(900, N), (520, N), (520, N)], 520),
        ([(900, N), (520, N), (520, P)], 900),
        ([(900, N), (88, N), (88, N)], 88),
        ([(900, N), (75, N), (75, N)], 900),
        ([(900, N), (100, U), (100, U)], 900),
    ],
)
def test_the_peers_segment_size_is_what_repeats(segments, mss, stamped):
    scene, peer, tcb = opened(**({"ts": (1, 0)} if stamped else {}))
    seq = 1
    for size, flags in segments:
        peer.send(flags, seq=seq, ack=1, payload=b"x" * size)
        tcb.recv(size, False, scene.now)
        seq += size
    assert tcb.info()["rcv_mss"] == mss


def test_the_peers_segment_size_is_at_most_what_it_was_told():
    _scene, peer, tcb = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 3000)
    assert tcb.info()["rcv_mss"] == 1460


@pytest.mark.parametrize(
    ("held", "offered", "offer"),
    [
        # Less than a segment fits, so that all of the buffer counts as one: a window that was shut opens as wide.
        (0, 0, 1152),
        (0, 575, 1152),
        # Half of it more is worth telling; less is not.
        (0, 576, 576),
        (0, 1152, 1152),
        (0, 1153, 1152),
        (2, 0, 1151),
        (2, 1152, 0),
        (2, 574, 1151),
        (2, 575, 575),
        (1152, 0, 0),
        (1154, 0, 0),
        (1154, 576, 0),
        (2304, 0, 0),
    ],
)
def test_a_buffer_below_a_segment_is_offered_whole_or_not_at_all(held, offered, offer):
    _scene, _peer, tcb = opened()
    tcb.rcv_buf, tcb.rcv_mss, tcb.rcv_wnd = 2304, 1460, offered
    tcb.space.ratio, tcb.space.clamp, tcb.space.ssthresh, tcb.space.held = 128, 5000, 5000, held
    assert (window_offer(tcb), tcb.rcv_wscale) == (offer, 0)


@pytest.mark.parametrize(
    ("most", "mss", "free", "offered", "offer"),
    [
        # As it was, unless a whole segment more fits, or it has shrunk: then in whole segments.
        (4000, 3000, 4000, 1001, 1001),
        (4000, 3000, 4000, 1000, 3000),
        (4000, 3000, 4000, 1500, 1500),
        (4000, 3000, 4000, 4000, 4000),
        (4000, 3000, 4000, 4001, 3000),
        # Below half of it, nothing unless a segment fits and a sixteenth is free.
        (8000, 1460, 1000, 600, 0),
        (16000, 1460, 1459, 0, 0),
        (16000, 1460, 1460, 0, 1460),
        (32000, 1460, 1999, 0, 0),
        (32000, 1460, 2000, 0, 1460),
    ],
)
def test_an_unscaled_window_is_offered_in_whole_segments(most, mss, free, offered, offer):
    _scene, _peer, tcb = opened()
    tcb.rcv_buf, tcb.rcv_mss, tcb.rcv_wnd = 2 * most, mss, offered
    tcb.space.ratio, tcb.space.clamp, tcb.space.ssthresh, tcb.space.held = 128, most, most, 2 * (most - free)
    assert (window_offer(tcb), tcb.rcv_wscale) == (offer, 0)


def test_no_window_at_all_is_offered_where_none_is_allowed():
    _scene, _peer, tcb = opened()
    tcb.rcv_buf, tcb.rcv_mss, tcb.space.clamp = 2304, 1460, 0
    assert window_offer(tcb) == 0
    tcb.rcv_buf, tcb.space.clamp = 0, 5000
    assert window_offer(tcb) == 0


# A packet that costs 768 carries 384 by the ratio: half of it, a quarter, ... must be text while the window is below
# half of the largest, a quarter, ...: the larger it is, the less overhead counts.
HALF = 6291456 >> 2


@pytest.mark.parametrize(
    ("ssthresh", "n", "grows"),
    [
        (HALF, 192, True),
        (HALF, 191, False),
        (HALF + 1, 383, False),
        (HALF // 2, 96, True),
        (HALF // 2, 95, False),
        (HALF // 2 + 1, 191, False),
        (HALF // 2 + 1, 192, True),
        (HALF // 4, 48, True),
        (HALF // 4, 47, False),
        (HALF // 4 + 1, 95, False),
    ],
)
def test_small_segments_widen_the_window_while_it_is_small(ssthresh, n, grows):
    scene, _peer, tcb = opened(wscale=7)
    scene.context.sysctl.set("net.ipv4.tcp_rmem", "4096 131072 6291456")
    tcb.rcv_buf, tcb.rcv_mss = 1 << 24, 700
    tcb.space.ratio, tcb.space.clamp, tcb.space.ssthresh = 128, 1 << 24, ssthresh
    tcb.quick = 2
    grow_window(tcb, n, 768)
    assert tcb.space.ssthresh == ssthresh + (1400 if grows else 0) and tcb.quick == (3 if grows else 2)


def rtt(tcb):
    return tcb.info()["rcv_rtt"]


def test_an_echo_tells_the_round_trip_once_and_only_in_a_full_segment():
    scene, peer, tcb = opened(ts=(1, 0))
    seq = 1

    def came(size, echo):
        nonlocal seq
        peer.ts_recent = echo
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * size)
        tcb.recv(size, False, scene.now)
        seq += size
        return rtt(tcb)

    def clock():
        scene.advance(ms=50)
        return timestamp(tcb, scene.now)

    came(1448, 0)
    stamp = clock()
    scene.advance(ms=40)
    assert came(1448, stamp) == 40_000
    # The same again is older, and no longer round trip.
    scene.advance(ms=40)
    assert came(1448, stamp) == 40_000
    # Less counts at once, more by an eighth.
    stamp = clock()
    scene.advance(ms=20)
    assert came(1448, stamp) == 20_000
    stamp = clock()
    scene.advance(ms=36)
    assert came(1448, stamp) == 22_000
    # A short segment may have waited for its writer.
    stamp = clock()
    scene.advance(ms=5)
    assert came(100, stamp) == 22_000
    # So may one that came while text waits for the reader, unless it is faster.
    stamp = clock()
    scene.advance(ms=38)
    peer.ts_recent = stamp
    peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1448)
    assert rtt(tcb) == 24_000
    seq += 1448
    stamp = clock()
    scene.advance(ms=90)
    peer.ts_recent = stamp
    peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1448)
    assert rtt(tcb) == 24_000


def test_without_timestamps_a_window_takes_a_round_trip():
    scene, peer, tcb = opened()
    seq, took = 1, []
    for pause in (20, 30, 50, 10):
        scene.advance(ms=pause)
        before = tcb.space.rtt_at
        while tcb.space.rtt_at == before:
            peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1460)
            tcb.recv(1460, False, scene.now)
            peer.drain()
            seq += 1460
        took.append(rtt(tcb))
    # A sender may take longer than it must: only the least counts.
    assert took == [0, 30_000, 30_000, 10_000]
