"""Departure times, and how large a super-segment is (Linux's fq and tcp_tso_autosize, on virtual time)."""

from itertools import pairwise

from usernet.core.const import MS, SECOND
from usernet.tcp.const import ACK
from usernet.testing.peer import Scene

M = 1000


def paced(rate, **scene):
    """A connection with a round trip of 100 ms, whose first window is acknowledged."""
    scene = Scene(**scene)
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    tcb.settings.max_pacing_rate = rate
    tcb.settings_changed(scene.now)
    tcb.send(b"d" * 10 * M, scene.now)
    assert sum(len(sent.payload) for sent in peer.drain()) == 10 * M  # the first window leaves at once
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    return scene, peer, tcb


def departures(scene, peer, ms):
    """(milliseconds from now, octets) of what leaves in that time."""
    began = scene.now
    found = []
    for _ in range(ms):
        scene.advance(ms=1)
        found += [((scene.now - began) // MS, len(sent.payload)) for sent in peer.drain()]
    return found


def test_segments_leave_at_so_max_pacing_rate():
    scene, peer, tcb = paced(100 * M)
    tcb.send(b"d" * 15 * M, scene.now)
    assert [len(sent.payload) for sent in peer.drain()] == [M]
    left = departures(scene, peer, 100)
    # 100 kB/s is a segment every 10 ms; half a segment's time is made good for the pause before.
    assert [at for at, _ in left] == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]
    assert tcb.info()["max_pacing_rate"] == tcb.info()["pacing_rate"] == 100 * M


def test_an_ack_does_not_overtake_the_departure_time():
    scene, peer, tcb = paced(100 * M)
    tcb.send(b"d" * 15 * M, scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 11 * M)
    peer.expect_nothing()
    assert tcb.pacer.timer.is_armed()


def test_without_anyone_asking_nothing_is_paced():
    scene = Scene()
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    tcb.send(b"d" * 20 * M, scene.now)
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert len(peer.drain()) == 20 and not tcb.pacer.is_on and tcb.pacer.timer is None and not tcb.cc.is_paced


def test_fq_paces_at_twice_cwnd_over_rtt_in_slow_start():
    scene = Scene(default_qdisc="fq")
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    tcb.send(b"d" * 50 * M, scene.now)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    srtt = tcb.rtt.srtt
    assert tcb.cc.is_paced and tcb.pacer.rate == 20 * M * 2 * SECOND // srtt
    scene.context.sysctl.set("net.ipv4.tcp_pacing_ss_ratio", 150)
    tcb.pacer.update(tcb.cc, 0)
    assert tcb.pacer.rate == 20 * M * 150 * (SECOND // 100) // srtt
    tcb.cc.ssthresh = tcb.cc.cwnd
    tcb.pacer.update(tcb.cc, 0)
    assert tcb.pacer.rate == 20 * M * 120 * (SECOND // 100) // srtt


def test_a_super_segment_is_a_millisecond_of_the_pacing_rate():
    scene, peer, tcb = paced(8 << 20, gso_max=65535, tcp_tso_rtt_log=0)
    tcb.rtt.min_rtt = 100 * MS
    tcb.cc.cwnd = 1000
    tcb.settings_changed(scene.now)  # the rate follows the window
    tcb.send(b"d" * 90 * M, scene.now)
    assert [len(sent.payload) for sent in peer.drain()] == [8 * M]  # 8 MiB/s >> 10 is 8192
    tcb.settings.max_pacing_rate = 100 * M
    tcb.settings_changed(scene.now)
    scene.advance(ms=1)
    assert [len(sent.payload) for sent in peer.drain()] == [2 * M]  # tcp_min_tso_segs
    scene.context.sysctl.set("net.ipv4.tcp_min_tso_segs", 4)
    assert {size for _, size in departures(scene, peer, 200)} >= {4 * M}


def test_on_a_short_path_super_segments_are_whole():
    scene, peer, tcb = paced(0, gso_max=65535)
    tcb.cc.cwnd = 200
    for rtt, largest in ((100 * MS, 2 * M), (2 * MS, 8 * M), (500_000, 60 * M)):
        tcb.rtt.min_rtt, tcb.rtt.srtt = rtt, 100 * SECOND
        tcb.send(b"d" * 60 * M, scene.now)
        sent = [len(s.payload) for s in peer.drain()]
        assert max(sent) == largest, rtt
        scene.advance(ms=1)
        peer.send(ACK, seq=1, ack=(tcb.snd_nxt - tcb.iss) & 0xFFFFFFFF)


def test_retransmissions_are_paced_too():
    scene, peer, tcb = paced(100 * M)
    tcb.cc.cwnd = 20
    tcb.send(b"d" * 6 * M, scene.now)
    scene.advance(ms=100)
    assert len(peer.drain()) == 6
    scene.advance(s=2)
    peer.drain()
    sent = departures(scene, peer, 60)
    assert all(b - a >= 9 for (a, _), (b, _) in pairwise(sent))


def test_a_closed_connection_leaves_no_pacing_timer():
    scene, peer, tcb = paced(1000)
    tcb.send(b"d" * 5 * M, scene.now)
    peer.drain()
    tcb.abort(scene.now)
    assert scene.leaves_nothing()
