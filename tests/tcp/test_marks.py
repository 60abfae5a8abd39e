"""Marks in the send stream: MSG_EOR, zero-copy completions, timestamps (Linux's error queue)."""

from errno import ENOBUFS

from usernet.core.const import POLLERR
from usernet.tcp.const import ACK, MSG_EOR, MSG_ZEROCOPY, RST, SEND_COPIED
from usernet.tcp.errqueue import TSTAMP_ACK, TSTAMP_SCHED, TSTAMP_SND
from usernet.tcp.marks import OPT_ID, OPT_TSONLY, TX_ACK, TX_SCHED, TX_SOFTWARE
from usernet.testing.peer import Scene


def opened(scene=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb, owner


def test_no_segment_crosses_the_end_of_a_record():
    scene, peer, tcb, _ = opened()
    tcb.settings.nodelay = True
    peer.send(ACK, seq=1, ack=1, wnd=1460)
    for octets in (b"a" * 1000, b"b" * 1000, b"c" * 1000):
        tcb.send(octets, scene.now, MSG_EOR)
    peer.expect(ACK, seq=1, payload=b"a" * 1000)
    peer.send(ACK, seq=1, ack=1001, wnd=65535)
    peer.expect(ACK, seq=1001, payload=b"b" * 1000)
    peer.expect(ACK, seq=2001, payload=b"c" * 1000)


def test_a_record_is_not_held_back_by_nagle_while_more_follows():
    scene, peer, tcb, _ = opened()
    tcb.cc.cwnd = 1
    tcb.send(bytes(1460), scene.now)
    tcb.send(b"r" * 100, scene.now, MSG_EOR)
    tcb.send(b"s" * 1460, scene.now)
    peer.drain()
    tcb.cc.cwnd = 10
    peer.send(ACK, seq=1, ack=1461)
    assert [len(sent.payload) for sent in peer.drain()] == [100, 1460]


def test_zerocopy_sends_are_numbered_and_reported_when_acknowledged():
    scene, peer, tcb, owner = opened()
    for _ in range(3):
        tcb.send(b"z" * 1000, scene.now, MSG_ZEROCOPY)
    peer.drain()
    owner.take()
    peer.send(ACK, seq=1, ack=1001)
    assert owner.take() & POLLERR and tcb.poll() & POLLERR
    peer.send(ACK, seq=1, ack=2500)
    report = tcb.errors.take()
    assert (report.info, report.data, report.code) == (0, 1, 0)
    assert tcb.errors.take() is None and not tcb.poll() & POLLERR
    peer.send(ACK, seq=1, ack=3001)
    report = tcb.errors.take()
    assert (report.info, report.data) == (2, 2)


def test_a_copied_zerocopy_send_says_so():
    scene, peer, tcb, _ = opened()
    tcb.send(b"z" * 1000, scene.now, MSG_ZEROCOPY | SEND_COPIED)
    peer.send(ACK, seq=1, ack=1001)
    assert tcb.errors.take().code == 1


def test_a_reset_gives_zerocopy_buffers_back():
    scene, peer, tcb, _ = opened()
    tcb.send(b"z" * 1000, scene.now, MSG_ZEROCOPY)
    peer.send(RST, seq=1)
    assert tcb.errors.take().info == 0 and scene.context.pool.used == 0


def test_outstanding_zerocopy_sends_are_bounded():
    scene, peer, tcb, _ = opened(Scene(optmem_max=4000))
    answers = [tcb.send(b"z", scene.now, MSG_ZEROCOPY) for _ in range(10)]
    assert answers == [1] * 5 + [-ENOBUFS] * 5
    peer.drain()
    while tcb.outq():
        peer.send(ACK, seq=1, ack=1 + tcb.snd_nxt - tcb.iss - 1 & 0xFFFFFFFF)
    assert tcb.errors.take().data == 4
    assert tcb.send(b"z", scene.now, MSG_ZEROCOPY) == 1


def test_timestamps_are_those_of_the_last_octet_of_each_write():
    scene, peer, tcb, _ = opened()
    tcb.settings.timestamping = TX_SCHED | TX_SOFTWARE | TX_ACK | OPT_ID | OPT_TSONLY
    tcb.cc.cwnd = 2
    tcb.send(bytes(4000), scene.now)
    assert len(tcb.errors) == 0
    scene.advance(ms=10)
    peer.send(ACK, seq=1, ack=2921)
    sent_at = scene.now
    scene.advance(ms=10)
    peer.send(ACK, seq=1, ack=4001)
    reports = [tcb.errors.take() for _ in range(3)]
    assert [(r.info, r.data, r.at) for r in reports] == [
        (TSTAMP_SCHED, 3999, sent_at), (TSTAMP_SND, 3999, sent_at), (TSTAMP_ACK, 3999, scene.now),
    ]  # fmt: skip
    assert {r.payload for r in reports} == {b""} and tcb.errors.take() is None


def test_a_write_that_left_while_it_was_queued_is_stamped_too():
    scene, peer, tcb, _ = opened(Scene(gso_max=65535), wscale=7)
    tcb.settings.timestamping = TX_SOFTWARE | TX_ACK | OPT_ID | OPT_TSONLY
    tcb.cc.cwnd = 200
    tcb.snd_buf = 60_000
    tcb.snd_buf_locked = True
    taken = tcb.send(bytes(200_000), scene.now)
    assert taken < 200_000 and tcb.unsent() == 0
    report = tcb.errors.take()
    assert (report.info, report.data) == (TSTAMP_SND, taken - 1)
    peer.send(ACK, seq=1, ack=1 + taken)
    assert tcb.errors.take().info == TSTAMP_ACK


def test_timestamps_share_the_receive_buffer_with_what_waits_for_a_gap():
    scene, peer, tcb, _ = opened(sack_permitted=True)
    tcb.settings.timestamping = TX_SOFTWARE | OPT_TSONLY
    tcb.settings.nodelay = True
    tcb.rcv_buf, tcb.rcv_buf_locked = 6000, True
    for seq in (2001, 4001):
        peer.send(ACK, seq=seq, ack=1, payload=bytes(1400))
    held = tcb.ofo.memory
    assert held > 2800
    for _ in range(10):
        tcb.send(b"w", scene.now)
    assert 0 < tcb.errors.held <= tcb.rcv_buf - held
    assert scene.counters.drops["tcp_report_refused"] > 0


def test_a_loss_probe_ends_at_a_mark():
    scene, peer, tcb, _ = opened(sack_permitted=True)
    scene.advance(ms=100)
    tcb.cc.cwnd = 1
    tcb.send(bytes(1460), scene.now)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1461)
    tcb.cc.cwnd = 1
    tcb.send(bytes(1460), scene.now)
    tcb.send(b"r" * 100, scene.now, MSG_EOR)
    tcb.send(b"s" * 1460, scene.now)
    peer.drain()
    scene.advance(ms=300)
    assert [(sent.seq, sent.payload) for sent in peer.drain()][:1] == [(2921, b"r" * 100)]
    assert scene.counters.tcp_ext.TCPLossProbes == 1


def test_a_window_probe_ends_at_a_mark():
    scene, peer, tcb, _ = opened()
    tcb.settings.nodelay = True
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(b"a" * 100, scene.now, MSG_EOR)
    tcb.send(b"b" * 1000, scene.now)
    # Not enough for a segment, and no ACK follows: the probe timer sends what fits.
    tcb.snd_wnd = 500
    scene.advance(ms=300)
    peer.expect(ACK, seq=1, payload=b"a" * 100)
