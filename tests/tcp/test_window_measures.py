"""What a receiver learns of its peer from the segments that come: how long they are, and the round trip (as Linux)."""

import pytest

from usernet.tcp.const import ACK, PSH, URG
from usernet.tcp.transmit import timestamp
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
