"""The receive window, the buffer behind it, and when ACKs go out: as Linux has them."""

import pytest

from usernet.tcp.const import ACK, FIN, PSH, RCVBUF_LOCK, SNDBUF_LOCK
from usernet.tcp.settings import Settings
from usernet.tcp.space import packet_cost
from usernet.testing.peer import Scene


def opened(scene=None, settings=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(settings=settings), **options)
    return scene, peer, tcb, owner


def holding_acks_back():
    """A connection whose ACKs of text out of order may be compressed from now on."""
    scene, peer, tcb, _ = opened(sack_permitted=True, ts=(1, 0))
    scene.advance(ms=20)
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 1448)
    peer.drain()
    tcb.quick = 0
    tcb.space.ssthresh = 1 << 30  # a window that grows is offered at once
    return scene, peer


@pytest.mark.parametrize(
    ("octets", "cost"),
    [(41, 832), (192, 832), (193, 1280), (1500, 2304), (1665, 4352), (3712, 4352), (3713, 8448), (20040, 20736)],
)
def test_what_a_packet_costs_the_buffer(octets, cost):
    assert packet_cost(octets) == cost


@pytest.mark.parametrize(
    ("rmem", "wnd", "scale"),
    [("4096 131072 6291456", 64240, 7), ("4096 540000 15728640", 65535, 8), ("4096 32768 33554432", 16060, 10)],
)
def test_the_first_window_is_half_the_buffer_and_the_scale_fits_the_largest(rmem, wnd, scale):
    from usernet.tcp.const import SYN

    scene = Scene(tcp_rmem=rmem)
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460, wscale=7)
    answer = peer.expect(SYN | ACK)
    assert (answer.wnd, answer.wscale) == (wnd, scale)


def test_so_rcvbuf_bounds_window_and_scale():
    from usernet.tcp.const import SYN

    settings = Settings()
    settings.rcvbuf = 2_000_000
    scene = Scene()
    peer = scene.peer()
    scene.listen(settings=settings)
    peer.send(SYN, mss=1460, wscale=7)
    answer = peer.expect(SYN | ACK)
    assert (answer.wnd, answer.wscale) == (65535, 4)


def test_the_buffer_follows_a_reader_that_keeps_up_and_stops_at_tcp_rmem():
    scene, peer, tcb, _ = opened(wscale=7, ts=(1000, 0))
    seq, sizes, burst = 1, [], 20_000
    for _ in range(40):
        sent = 0
        while sent < burst and sent + 14_480 <= tcb.receive_window():
            peer.send(ACK, seq=seq, ack=1, payload=b"x" * 14_480, gso_size=1448)
            seq, sent = seq + 14_480, sent + 14_480
            while tcb.recv(1 << 20, False, scene.now):
                pass
        scene.advance(ms=50)
        peer.ts += 50
        peer.drain()
        burst = min(2 * burst, 8 << 20)
        sizes.append(tcb.rcv_buf)
    assert sizes == sorted(sizes) and sizes[-1] == 33554432
    assert tcb.info()["rcv_space"] > 1 << 20 and 40_000 < tcb.info()["rcv_rtt"] < 110_000


def test_what_a_gap_held_back_counts_for_the_next_round_trip():
    # One read takes what came in several round trips: no measure of one.
    scene, peer, tcb, _ = opened(wscale=7, ts=(1000, 0), sack_permitted=True)
    tcb.space.rtt, tcb.space.copied_at = 50_000_000, scene.now
    before, seq = tcb.info()["rcv_space"], 1449
    while seq < 1 + 40 * 1448:
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1448)
        seq += 1448
    scene.advance(ms=150)
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 1448)
    assert len(tcb.recv(1 << 20, False, scene.now)) == 40 * 1448
    assert tcb.info()["rcv_space"] == before
    # What was read behind the read's first piece counts for the round trip that follows.
    scene.advance(ms=200)
    peer.ts += 350
    peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1448)
    tcb.recv(1 << 20, False, scene.now)
    assert tcb.info()["rcv_space"] == (40 - 17 + 1) * 1448


@pytest.mark.parametrize("unlocked", [0, SNDBUF_LOCK, RCVBUF_LOCK])
def test_a_locked_buffer_does_not_grow(unlocked):
    settings = Settings()
    settings.rcvbuf = 100_000
    settings.unlocked = unlocked
    scene, peer, tcb, _ = opened(wscale=7, ts=(1000, 0), settings=settings)
    seq = 1
    for _ in range(50):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 14_480, gso_size=1448)
        seq += 14_480
        tcb.recv(1 << 20, False, scene.now)
        scene.advance(ms=50)
        peer.ts += 50
    # One that SO_BUF_LOCK unlocked begins there.
    assert (tcb.rcv_buf > 100_000) == (unlocked == RCVBUF_LOCK) and tcb.rcv_buf >= 100_000
    assert (tcb.rcv_wscale > 0) == (unlocked == RCVBUF_LOCK)
    if unlocked == RCVBUF_LOCK:
        grown = tcb.rcv_buf
        tcb.settings_changed(scene.now)
        assert tcb.rcv_buf == grown


@pytest.mark.parametrize("unlocked", [0, SNDBUF_LOCK, RCVBUF_LOCK])
def test_a_locked_send_buffer_does_not_grow(unlocked):
    settings = Settings()
    settings.sndbuf = 20_000
    settings.unlocked = unlocked
    scene, peer, tcb, _ = opened(wscale=7, settings=settings)
    assert (tcb.snd_buf > 20_000) == (unlocked == SNDBUF_LOCK)
    grown = tcb.snd_buf
    tcb.settings_changed(scene.now)
    assert tcb.snd_buf == grown
    peer.drain()


def test_a_window_is_taken_back_only_where_that_is_allowed():
    edges = {}
    for allowed in (0, 1):
        scene, peer, tcb, _ = opened(Scene(tcp_shrink_window=allowed, tcp_rmem="4096 32768 33554432"), wscale=7)
        edge, worst = 0, 0
        for seq in range(1, 10_000, 100):
            peer.send(ACK | PSH, seq=seq, ack=1, payload=b"x" * 100)
            scene.advance(ms=50)
            for sent in peer.drain():
                now = sent.ack + (sent.wnd << tcb.rcv_wscale)
                worst, edge = max(worst, edge - now), max(edge, now)
        edges[allowed] = worst
    assert edges[0] <= 0 < edges[1]


def test_tcp_window_clamp_bounds_the_offer():
    scene, peer, tcb, _ = opened(wscale=7)
    tcb.settings.window_clamp = 20_000
    tcb.settings_changed(scene.now)
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 60_000, gso_size=1460)
    peer.drain()
    tcb.recv(60_000, False, scene.now)
    peer.send(ACK | PSH, seq=60_001, ack=1, payload=b"y")
    assert peer.drain()[-1].wnd << tcb.rcv_wscale <= 20_480


def test_a_pool_under_pressure_offers_four_segments():
    scene, peer, tcb, _ = opened(Scene(pool=100_000), wscale=7)
    scene.context.pool.force(80_000)
    sizes = []
    for seq in range(1, 40_000, 1460):
        peer.send(ACK | PSH, seq=seq, ack=1, payload=b"x" * 1460)
        tcb.recv(1460, False, scene.now)
        sizes += [sent.wnd << tcb.rcv_wscale for sent in peer.drain()]
    assert tcb.space.ssthresh <= 4 * 1460 and sizes[-1] < sizes[0]
    assert scene.counters.tcp_ext.TCPRcvQDrop == 0


def test_text_with_a_gap_goes_when_the_buffer_is_overdrawn():
    settings = Settings()
    settings.rcvbuf = 20_000
    scene, peer, tcb, _ = opened(settings=settings, sack_permitted=True)
    for seq in range(2001, 9001, 700):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 350)
    assert tcb.ofo.held
    tcb.settings.rcvbuf = 4_000
    tcb.settings_changed(scene.now)
    peer.send(ACK, seq=1, ack=1, payload=b"y" * 500)
    assert 0 < tcb.ofo.memory <= 4_000 and scene.counters.tcp_ext.OfoPruned == 1
    assert scene.context.pool.used == tcb.available() + tcb.ofo.memory and tcb.available() == 500


def test_duplicate_acks_beyond_three_are_compressed():
    scene, peer = holding_acks_back()
    for i in range(10):
        peer.send(ACK, seq=5000 + 1448 * i, ack=1, payload=b"b" * 1448)
    assert len(peer.drain()) == 3
    scene.advance(ms=1)
    last = peer.expect(ACK, ack=1449, sack=[(5000, 5000 + 14480)])
    assert last.wnd and scene.counters.tcp_ext.TCPAckCompressed == 6  # the seventh was sent
    peer.expect_nothing()


def test_no_block_is_forgotten_before_an_ack_told_of_it():
    scene, peer = holding_acks_back()
    lefts = list(range(5000, 25_000, 2000))
    for left in lefts:
        peer.send(ACK, seq=left, ack=1, payload=b"b" * 500)
    scene.advance(ms=1)
    told = {block for ack in peer.drain() for block in ack.sack}
    assert told == {(left, left + 500) for left in lefts}


def test_an_ack_of_two_blocks_that_grow_is_held_back():
    scene, peer = holding_acks_back()
    for i in range(6):
        peer.send(ACK, seq=5000 + 500 * i, ack=1, payload=b"b" * 500)
        peer.send(ACK, seq=25_000 + 500 * i, ack=1, payload=b"b" * 500)
    assert len(peer.drain()) == 3
    scene.advance(ms=1)
    peer.expect(ACK, ack=1449, sack=[(25_000, 28_000), (5000, 8000)])


def test_without_sack_no_ack_is_held_back():
    scene, peer, tcb, _ = opened()
    tcb.quick = 0
    tcb.ato = 40_000_000
    for i in range(10):
        peer.send(ACK, seq=5000 + 1000 * i, ack=1, payload=b"b" * 1000)
    assert len(peer.drain()) == 10
    assert scene.counters.tcp_ext.TCPAckCompressed == 0


def test_a_read_that_empties_the_queue_acknowledges_a_small_write():
    scene, peer, tcb, _ = opened()
    for seq in range(1, 17):
        peer.send(ACK | PSH, seq=seq, ack=1, payload=b"q")
    peer.drain()
    tcb.recv(100, False, scene.now)
    peer.send(ACK | PSH, seq=17, ack=1, payload=b"end of a write")
    peer.expect_nothing()
    tcb.recv(100, False, scene.now)
    peer.expect(ACK, ack=31)


def test_a_dialogue_begins_at_tcp_pingpong_thresh_replies():
    for thresh, acks in ((1, 0), (3, 1)):
        scene, peer, tcb, _ = opened(Scene(tcp_pingpong_thresh=thresh))
        for seq in range(1, 17):
            peer.send(ACK | PSH, seq=seq, ack=1, payload=b"q")
        tcb.recv(100, False, scene.now)
        peer.drain()
        peer.send(ACK | PSH, seq=17, ack=1, payload=b"?")
        tcb.recv(100, False, scene.now)
        tcb.send(b"!", scene.now)
        peer.drain()
        peer.send(ACK | PSH, seq=18, ack=2, payload=b"?")
        tcb.recv(100, False, scene.now)
        assert len(peer.drain()) == acks


def test_so_rcvlowat_waits_but_not_for_more_than_fits():
    _scene, peer, tcb, owner = opened()
    tcb.set_low_water(3000)
    owner.take()
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 1000)
    assert owner.take() == 0 and not tcb.poll() & 1
    peer.send(ACK | PSH, seq=1001, ack=1, payload=b"x" * 2000)
    assert owner.take() & 1 and tcb.poll() & 1
    tcb.set_low_water(10**9)
    assert tcb.settings.rcvlowat == 33554432 // 2 and tcb.rcv_buf >= tcb.settings.rcvlowat


def test_a_fin_into_a_shut_window_is_taken_and_answered_at_once():
    settings = Settings()
    settings.rcvbuf = 10_000
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 20_000, gso_size=1460)
    scene.advance(ms=50)
    assert peer.drain()[-1].wnd == 0
    peer.send(FIN | ACK, seq=20_001, ack=1)
    peer.expect(ACK, ack=20_002, wnd=0)
    assert tcb.recv(30_000, False, scene.now) == b"x" * 20_000 and tcb.recv(1, False, scene.now) == b""


def test_text_with_a_gap_goes_where_memory_lacks_for_what_fills_the_gap():
    # Or the window, shut for want of memory, would stay so: the reader has nothing, and what is held fills the buffer.
    settings = Settings()
    settings.rcvbuf = 2304
    scene = Scene(pool=100_000)
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(settings=settings), sack_permitted=True)
    for seq in range(101, 501, 100):
        peer.send(ACK, seq=seq, ack=1, payload=b"h" * 50)
    assert 2000 < tcb.ofo.memory <= 2304
    scene.context.pool.force(120_000)
    peer.drain()
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 100)
    assert peer.drain()[-1].wnd == 0 and not tcb.ofo.held
    scene.context.pool.uncharge(120_000)
    for _ in range(3):
        peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 100)
    assert tcb.recv(200, False, scene.now) == b"x" * 100


def test_a_window_that_a_gap_shut_opens_again():
    # With tcp_shrink_window what is held takes the window back, down to nothing.
    settings = Settings()
    settings.rcvbuf = 200_000
    scene = Scene(tcp_shrink_window=1)
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(settings=settings), sack_permitted=True, wscale=2)
    for seq in range(101, 3000, 2):
        peer.send(ACK, seq=seq, ack=1, payload=b"h")
        if tcb.rcv_wnd == 0:
            break
    assert tcb.rcv_wnd == 0 and tcb.ofo.held
    for _ in range(2):
        peer.send(ACK | PSH, seq=1, ack=1, payload=b"x" * 100)
    assert tcb.recv(200, False, scene.now) == b"x" * 100 + b"h" and scene.counters.tcp_ext.OfoPruned == 1


def test_what_was_clamped_below_a_segment_opens_an_unscaled_window_again():
    scene, peer, tcb, _ = opened(Scene(pool=100_000))
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 1460)
    tcb.settings.window_clamp = 1200
    tcb.settings_changed(scene.now)
    scene.context.pool.force(120_000)
    peer.send(ACK | PSH, seq=1461, ack=1, payload=b"x" * 1460)
    assert peer.drain()[-1].wnd == 0
    tcb.settings.window_clamp = 30_000
    tcb.settings_changed(scene.now)
    scene.context.pool.uncharge(120_000)
    tcb.recv(1460, False, scene.now)
    peer.send(ACK, seq=1460, ack=1)
    assert peer.drain()[-1].wnd == 1200
