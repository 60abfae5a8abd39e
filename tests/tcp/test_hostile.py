"""What a hostile network may send: RFC 5961, PAWS, ICMP, bad checksums, garbage. Counted drops, never an exception."""

import itertools
from errno import ECONNREFUSED, EHOSTUNREACH

from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.const import SECOND
from usernet.tcp.const import (
    ACK,
    CLOSED,
    ESTABLISHED,
    FIN,
    MSG_EOR,
    MSG_MORE,
    MSG_OOB,
    MSG_ZEROCOPY,
    PSH,
    RST,
    SYN,
)
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene
from usernet.wire.tcp import emit

SEND_FLAGS = (0, MSG_MORE, MSG_EOR, MSG_OOB, MSG_ZEROCOPY, MSG_MORE | MSG_ZEROCOPY, MSG_EOR | MSG_OOB)


def opened(scene=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb, owner


def test_rfc5961_3_2_exact_rst_resets():
    _scene, peer, tcb, _ = opened()
    peer.send(RST, seq=1)
    assert tcb.state == CLOSED


def test_rfc5961_3_2_in_window_rst_is_challenged():
    scene, peer, tcb, _ = opened()
    peer.send(RST, seq=2)
    peer.expect(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED and scene.counters.tcp_ext.TCPChallengeACK == 1


def test_rfc5961_3_2_out_of_window_rst_is_dropped():
    _scene, peer, tcb, _ = opened()
    peer.send(RST, seq=200_000)
    peer.send(RST, seq=0)
    peer.expect_nothing()
    assert tcb.state == ESTABLISHED


def test_rst_at_the_right_edge_of_a_sack_block_resets():
    _scene, peer, tcb, _ = opened(sack_permitted=True)
    peer.send(ACK, seq=101, ack=1, payload=b"x" * 100)
    peer.send(RST, seq=201)
    assert tcb.state == CLOSED


def test_rfc5961_4_2_syn_is_challenged():
    scene, peer, tcb, _ = opened()
    for seq in (1, 200_000, 0x7000_0000):
        peer.send(SYN, seq=seq)
        peer.expect(ACK, seq=1, ack=1)
        scene.advance(ms=600)
    assert tcb.state == ESTABLISHED and scene.counters.tcp_ext.TCPSYNChallenge == 3


def test_rfc5961_5_2_acks_outside_are_challenged_and_their_text_dropped():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=5, payload=b"evil")
    peer.expect(ACK, seq=1, ack=1)
    scene.advance(ms=600)
    peer.send(ACK, seq=1, ack=0x8000_0000, payload=b"evil")
    peer.expect(ACK, seq=1, ack=1)
    assert tcb.available() == 0
    tcb.send(b"x" * 100, scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=101)
    peer.send(ACK, seq=1, ack=1, payload=b"fine")
    assert tcb.available() == 4


def test_challenge_acks_are_limited_per_connection_and_in_all():
    scene, peer, _tcb, _ = opened()
    for _ in range(10):
        peer.send(RST, seq=5)
    assert len(peer.drain()) == 1 and scene.counters.tcp_ext.TCPACKSkippedChallenge == 9
    scene = Scene(tcp_challenge_ack_limit=4, tcp_invalid_ratelimit=0)
    scene, peer, _tcb, _ = opened(scene)
    for _ in range(100):
        peer.send(RST, seq=5)
    assert 2 <= len(peer.drain()) <= 6


def test_duplicate_acks_for_empty_segments_outside_the_window_are_limited():
    scene, peer, _tcb, _ = opened()
    for _ in range(5):
        peer.send(ACK, seq=300_000, ack=1)
    assert len(peer.drain()) == 1 and scene.counters.tcp_ext.TCPACKSkippedSeq == 4


def test_those_for_nobodys_connection_in_fin_wait_2_have_a_counter_of_their_own():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.send(ACK, seq=1, ack=2)
    peer.drain()
    for _ in range(5):
        peer.send(ACK, seq=300_000, ack=2)
    ext = scene.counters.tcp_ext
    assert len(peer.drain()) == 1 and (ext.TCPACKSkippedFinWait2, ext.TCPACKSkippedSeq) == (4, 0)


def test_two_confused_ends_do_not_storm():
    scene, peer, _tcb, _ = opened()
    for _ in range(1000):
        peer.send(ACK, seq=500_000, ack=1)
        scene.advance(ms=1)
    assert len(peer.drain()) <= 3


def test_rfc7323_5_3_old_timestamps_are_dropped_and_answered():
    scene, peer, tcb, _ = opened(ts=(1000, 0))
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(999, 0))
    peer.expect(ACK, seq=1, ack=1)
    assert tcb.available() == 0 and scene.counters.tcp_ext.PAWSEstab == 1
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(1000, 0))
    assert tcb.available() == 1


def test_rfc7323_5_5_a_timestamp_24_days_old_says_nothing():
    scene, peer, tcb, _ = opened(ts=(1000, 0))
    scene.advance(s=25 * 86400)
    peer.send(ACK, seq=1, ack=1, payload=b"x", ts=(5, 0))
    assert tcb.available() == 1


def test_timestamps_lost_on_the_way_do_not_stop_a_connection():
    scene, peer, tcb, _ = opened(ts=(1000, 0))
    peer.ts = None
    peer.send(ACK, seq=1, ack=1, payload=b"x")
    assert peer.expect(ACK, ack=2).ts[1] == 1000
    tcb.send(b"y" * 100, scene.now)
    peer.expect(PSH | ACK, length=100)
    peer.send(ACK, seq=2, ack=101)
    assert tcb.available() == 1 and tcb.board.packets_out == 0


def test_rfc7323_4_3_the_echo_is_of_the_segment_that_moved_the_edge():
    _scene, peer, _tcb, _ = opened(ts=(1000, 0))
    peer.send(ACK, seq=101, ack=1, payload=b"b" * 100, ts=(1005, 0))
    assert peer.expect(ACK).ts[1] == 1000
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 100, ts=(1003, 0))
    assert peer.expect(ACK).ts[1] == 1003


def test_timestamps_start_at_an_offset_of_their_own():
    a = opened(Scene(seed=b"a"), ts=(1, 0))[2]
    b = opened(Scene(seed=b"b"), ts=(1, 0))[2]
    assert a.ts_offset != b.ts_offset
    assert opened(Scene(tcp_timestamps=2), ts=(1, 0))[2].ts_offset == 0


def test_rfc5927_icmp_outside_the_window_is_counted_and_ignored():
    scene, peer, tcb, _ = opened()
    tcb.send(b"x" * 100, scene.now)
    peer.icmp(1, ECONNREFUSED)
    peer.icmp(101, ECONNREFUSED)
    assert tcb.state == ESTABLISHED and scene.counters.tcp_ext.OutOfWindowIcmps == 1
    assert tcb.take_error() == ECONNREFUSED


def test_rfc1122_segments_for_everybody_are_dropped():
    scene = Scene()
    scene.listen()
    peer = scene.peer(local=b"\xff" * 4)
    peer.send(SYN, mss=1460)
    peer.send(SYN, mss=1460)
    peer.expect_nothing()
    assert scene.counters.drops["tcp_broadcast"] == 2


def test_bad_checksums_are_counted():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"odd", checksum="bad")
    assert tcb.available() == 0 and scene.counters.tcp.InCsumErrors == 1 and scene.counters.tcp.InErrs == 1
    peer.send(ACK, seq=1, ack=1, payload=b"odd", checksum="good")
    peer.send(ACK, seq=4, ack=1, payload=b"by reference", checksum="good", frags=True)
    assert tcb.recv(100, False, scene.now) == b"oddby reference"


def test_short_headers_and_wild_offsets_are_counted():
    scene, peer, _tcb, _ = opened()
    peer.send_octets(b"")
    peer.send_octets(b"\0" * 19)
    peer.send_octets(emit(40000, 80, 0, 0, ACK, 0)[:12] + b"\xf0" + bytes(7))
    peer.send_octets(emit(40000, 80, 0, 0, ACK, 0)[:12] + b"\x40" + bytes(7))
    assert scene.counters.drops["tcp_bad_header"] == 4 and scene.counters.tcp.InErrs == 4


def test_a_flood_of_one_octet_holes_stays_inside_the_pool():
    scene, peer, tcb, _ = opened(Scene(pool=100_000))
    for i in range(3000):
        peer.send(ACK, seq=3 + 2 * i, ack=1, payload=b"x")
    assert scene.context.pool.used <= 100_000 and scene.counters.tcp_ext.TCPOFODrop > 0
    tcb.abort(scene.now)
    assert scene.context.pool.used == 0


def test_sockstress_zero_window_orphans_end():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(b"x" * 1000, scene.now)
    tcb.close(scene.now)
    for _ in range(400):
        scene.advance(s=1)
        for _ in peer.drain():
            peer.send(ACK, seq=1, ack=1, wnd=0)
    assert tcb.state == CLOSED and scene.leaves_nothing()


OCTETS = st.binary(max_size=120)
FLAGS = st.integers(0, 255)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(FLAGS, st.integers(-4, 70_000), st.integers(-4, 70_000), OCTETS, OCTETS, st.integers(0, 3)),
        max_size=25,
    )
)
def test_no_segments_raise_and_nothing_is_left(script):
    scene = Scene(pool=1 << 20)
    peer = scene.peer()
    listener = scene.listen()
    accepted = []
    for flags, seq, ack, options, payload, what in script:
        peer.send(flags, seq=seq & 0xFFFFFFFF, ack=ack & 0xFFFFFFFF, options=options[:40], payload=payload)
        if peer.iss is None:
            peer.drain()
        tcb = listener.accept(scene.now)
        if tcb is not None:
            accepted.append(tcb)
        if what == 1:
            scene.advance(ms=300)
        for tcb in accepted:
            assert tcb.queue.base <= tcb.queue.end and scene.context.pool.used >= 0
            if what == 2:
                tcb.send(payload, scene.now)
                tcb.recv(50, False, scene.now)
            elif what == 3:
                tcb.shutdown_send(scene.now)
        scene.sender.sent.clear()
    for tcb in accepted:
        tcb.abort(scene.now)
        tcb.close(scene.now)
    listener.close(scene.now)
    scene.advance(s=1000)
    assert scene.leaves_nothing()


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=100), max_size=10), st.booleans())
def test_no_octets_raise(datagrams, established):
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    if established:
        peer.open_passive(listener)
    for octets in datagrams:
        peer.send_octets(octets)
        peer.send_octets((b"\x9c\x40\x00\x50" + octets)[: len(octets)])
    assert scene.counters.tcp.InSegs >= 2 * len(datagrams)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["ack", "sack", "text", "fin", "rst", "syn", "send", "recv", "close", "shut", "time", "icmp"]
            ),
            st.integers(-3, 40),
            st.integers(0, 40),
            st.integers(0, 40),
        ),
        max_size=60,
    ),
    st.booleans(),
    st.booleans(),
)
def test_invariants_hold_under_random_but_plausible_scripts(script, sack, stamps):
    scene = Scene(gso_max=65535)
    peer = scene.peer()
    options = {"sack_permitted": sack, "mss": 1000, "wscale": 2}
    if stamps:
        options["ts"] = (1, 0)
    listener = scene.listen()
    tcb, _owner = peer.open_passive(listener, **options)
    # What comes after the end opens nothing new, which would be accounted for elsewhere.
    listener.close(scene.now)
    rcv, closed = 1, False
    for what, a, b, c in script:
        una = (tcb.snd_una - peer.iss) & 0xFFFFFFFF
        if what == "ack":
            peer.send(ACK, seq=rcv, ack=una + a * 500, wnd=c * 1000)
        elif what == "sack":
            blocks = [(una + a * 500, una + (a + b) * 500), (una + c * 700, una + (c + b) * 700 + 1)]
            peer.send(ACK, seq=rcv, ack=una, sack=[(x & 0xFFFFFFFF, y & 0xFFFFFFFF) for x, y in blocks])
        elif what == "text":
            peer.send(ACK | PSH, seq=max(1, rcv + a * 100), ack=una, payload=b"t" * (b * 100))
        elif what == "fin":
            peer.send(FIN | ACK, seq=max(1, rcv + a), ack=una)
        elif what == "rst":
            peer.send(RST, seq=rcv + 1 + b)
        elif what == "syn" and tcb.state != CLOSED:  # else it opens another connection
            peer.send(SYN, seq=rcv + a)
        elif what == "send" and not closed:
            tcb.send(b"s" * (b * 1000 + c), scene.now, SEND_FLAGS[a % 7])
        elif what == "recv" and not closed:
            tcb.recv(b * 100 + 1, c % 5 == 0, scene.now)
        elif what == "close" and c > 35:
            closed = True
            tcb.close(scene.now)
        elif what == "shut" and c > 30:
            tcb.shutdown_send(scene.now)
        elif what == "time":
            scene.advance(ms=b * 20)
        elif what == "icmp":
            peer.icmp(una + a, 113)
        rcv = (tcb.rcv_nxt - peer.isn) & 0xFFFFFFFF
        board = tcb.board
        records = [board.record(i) for i in range(board.count())]
        assert sum(r.segs for r in records) == board.packets_out
        assert sum(r.segs for r in records if r.flags & 2) == board.lost_out
        assert sum(r.segs for r in records if r.flags & 4) == board.retrans_out
        if tcb.sack_ok:
            assert sum(r.segs for r in records if r.flags & 1) == board.sacked_out
        assert all(x.end == y.start for x, y in itertools.pairwise(records))
        if records:
            assert records[0].start == tcb.snd_una and records[-1].end == tcb.snd_nxt
        reported = tcb.errors.held if tcb.errors is not None else 0
        assert scene.context.pool.used == tcb.outq() + tcb.available() + tcb.ofo.memory + reported
        assert board.in_flight() >= 0 and tcb.cc.cwnd >= 1
        scene.sender.sent.clear()
    tcb.abort(scene.now)
    tcb.close(scene.now)
    scene.advance(s=200)
    assert scene.leaves_nothing()


def test_forwarded_sysctl_changes_apply_at_once():
    scene = Scene()
    scene.context.sysctl.set("net.ipv4.tcp_fin_timeout", 7)
    assert scene.tcp.sysctls.fin_timeout_ns == 7 * SECOND


def guarded(least):
    settings = Settings()
    settings.min_ttl = least
    scene = Scene()
    scene.tcp.heeds_ttl = True
    return scene, scene.peer(), scene.listen(settings=settings)


def test_rfc5082_what_comes_from_farther_than_allowed_is_dropped_and_counted():
    scene, peer, listener = guarded(255)
    near, far, ext = 255, 254, scene.counters.tcp_ext
    peer.ttl = far
    peer.send(SYN, seq=0, mss=1460)
    peer.expect_nothing()
    peer.ttl = near
    peer.send(SYN, seq=0, mss=1460)
    peer.expect(SYN | ACK, ack=1)
    peer.ttl = far
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now) is None
    peer.ttl = near
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    peer.ttl = far
    peer.send(ACK, seq=1, ack=1, payload=b"no")
    peer.send(RST, seq=1)
    # Nor is a listener's RST for who is too far.
    stranger = scene.peer(remote_port=41000)
    stranger.iss = 0
    stranger.send(ACK, seq=1, ack=77)
    stranger.expect_nothing()
    assert tcb.available() == 0 and tcb.state == ESTABLISHED and ext.TCPMinTTLDrop == 5
    peer.ttl = near
    peer.send(ACK, seq=1, ack=1, payload=b"yes")
    assert tcb.recv(9, False, scene.now) == b"yes"
    tcb.send(b"text", scene.now)
    peer.drain()
    peer.ttl = far
    peer.icmp(1, EHOSTUNREACH)
    assert ext.TCPMinTTLDrop == 6 and ext.OutOfWindowIcmps == 0
    peer.ttl = near
    peer.icmp(99, EHOSTUNREACH)
    assert ext.TCPMinTTLDrop == 6 and ext.OutOfWindowIcmps == 1


def test_a_socket_without_a_least_ttl_takes_what_comes_beside_one_that_has_it():
    scene, _, _ = guarded(255)
    peer = scene.peer(local_port=81)
    scene.listen(port=81)
    peer.send(SYN, seq=0, mss=1460)
    peer.expect(SYN | ACK, ack=1)
    assert scene.counters.tcp_ext.TCPMinTTLDrop == 0
