"""Segment text: order, windows, acknowledgments, Nagle, super-segments."""

from errno import ENOBUFS, EPIPE

import pytest

from usernet.core import bytequeue
from usernet.core.const import CSUM_PARTIAL, POLLIN, POLLOUT
from usernet.tcp.const import ACK, ESTABLISHED, FIN, MSG_MORE, PSH, SYN
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene


def opened(scene=None, settings=None, wnd=65535, **options):
    scene = scene or Scene()
    peer = scene.peer()
    peer.wnd = wnd
    tcb, owner = peer.open_passive(scene.listen(settings=settings), **options)
    return scene, peer, tcb, owner


def past_quick_acks(scene, peer, tcb, seq=1):
    """The first 16 ACKs after a start are quick; later ones are delayed."""
    for _ in range(16):
        peer.send(ACK | PSH, seq=seq, ack=1, payload=b"q")
        seq += 1
        peer.expect(ACK, ack=seq)
    assert tcb.recv(100, False, scene.now) == b"q" * 16
    return seq


def test_in_order_text_is_delivered_and_announced():
    scene, peer, tcb, owner = opened()
    assert tcb.recv(10, False, scene.now) is None
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"hello")
    assert owner.take() == POLLIN and tcb.poll() == POLLIN | POLLOUT and tcb.available() == 5
    assert tcb.recv(2, True, scene.now) == b"he"
    assert tcb.recv(2, False, scene.now) == b"he"
    into = bytearray(10)
    assert tcb.recv_into(memoryview(into), False, scene.now) == 3 and into[:3] == b"llo"
    assert scene.context.pool.used == 0


def test_out_of_order_text_waits_and_duplicate_acks_go_out_at_once():
    scene, peer, tcb, owner = opened()
    peer.send(ACK, seq=6, ack=1, payload=b"world")
    peer.expect(ACK, ack=1)
    peer.send(ACK, seq=11, ack=1, payload=b"!")
    peer.expect(ACK, ack=1)
    assert owner.take() == 0
    peer.send(ACK, seq=1, ack=1, payload=b"hello")
    peer.expect(ACK, ack=12)
    assert tcb.recv(100, False, scene.now) == b"helloworld!"
    assert scene.context.pool.used == 0


def test_overlaps_are_trimmed_and_text_in_order_wins_over_held_text():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"abc")
    peer.send(ACK, seq=2, ack=1, payload=b"XXdef")
    peer.send(ACK, seq=9, ack=1, payload=b"ij")
    peer.send(ACK, seq=7, ack=1, payload=b"ghYYk")
    assert tcb.recv(100, False, scene.now) == b"abcdefghYYk"
    assert tcb.rcv_nxt == (peer.isn + 12) & 0xFFFFFFFF
    assert scene.context.pool.used == 0


def test_old_text_is_acknowledged_at_once():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"hello")
    peer.expect(ACK, ack=6)
    peer.send(ACK, seq=1, ack=1, payload=b"hello")
    peer.expect(ACK, ack=6)
    assert tcb.recv(100, False, scene.now) == b"hello"


def test_rfc2018_the_newest_block_comes_first():
    _scene, peer, _tcb, _ = opened(Scene(tcp_comp_sack_nr=0), sack_permitted=True)
    peer.send(ACK, seq=101, ack=1, payload=b"a" * 100)
    peer.expect(ACK, ack=1, sack=[(101, 201)])
    peer.send(ACK, seq=301, ack=1, payload=b"b" * 100)
    peer.expect(ACK, ack=1, sack=[(301, 401), (101, 201)])
    peer.send(ACK, seq=501, ack=1, payload=b"c" * 100)
    peer.expect(ACK, ack=1, sack=[(501, 601), (301, 401), (101, 201)])
    peer.send(ACK, seq=401, ack=1, payload=b"d" * 50)
    peer.expect(ACK, ack=1, sack=[(301, 451), (501, 601), (101, 201)])
    peer.send(ACK, seq=451, ack=1, payload=b"e" * 50)
    peer.expect(ACK, ack=1, sack=[(301, 601), (101, 201)])
    peer.send(ACK, seq=1, ack=1, payload=b"f" * 100)
    peer.expect(ACK, ack=201, sack=[(301, 601)])
    peer.send(ACK, seq=201, ack=1, payload=b"g" * 100)
    peer.expect(ACK, ack=601, sack=[])


def test_rfc2883_duplicates_are_reported_once():
    _scene, peer, _tcb, _ = opened(sack_permitted=True)
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 100)
    peer.expect(ACK, ack=101, sack=[])
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 100)
    peer.expect(ACK, ack=101, sack=[(1, 101)])
    peer.send(ACK, seq=301, ack=1, payload=b"b" * 100)
    peer.expect(ACK, ack=101, sack=[(301, 401)])
    peer.send(ACK, seq=301, ack=1, payload=b"b" * 100)
    peer.expect(ACK, ack=101, sack=[(301, 401), (301, 401)])


def test_three_sack_blocks_fit_beside_timestamps():
    _scene, peer, _tcb, _ = opened(Scene(tcp_comp_sack_nr=0), sack_permitted=True, ts=(1, 0))
    for seq in (101, 301, 501, 701, 901):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 50)
    assert [len(sent.sack) for sent in peer.drain()] == [1, 2, 3, 3, 3]


def test_acks_are_quick_at_first_then_every_second_segment():
    # Each segment that lets the window grow is acknowledged at once, until it is as large as the buffer.
    settings = Settings()
    settings.rcvbuf = 65536
    scene, peer, tcb, _ = opened(settings=settings)
    seq = past_quick_acks(scene, peer, tcb)
    acks = 1
    while acks:
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1460)
        seq += 1460
        acks = len(peer.drain())
        tcb.recv(1460, False, scene.now)
    scene.advance(ms=200)
    peer.drain()
    for _ in range(3):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1460)
        seq += 1460
        tcb.recv(1460, False, scene.now)
        peer.expect_nothing()
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1460)
        seq += 1460
        peer.expect(ACK, ack=seq)
        tcb.recv(1460, False, scene.now)
        peer.expect_nothing()


def test_a_lone_segment_is_acknowledged_after_40_ms():
    scene, peer, tcb, _ = opened()
    seq = past_quick_acks(scene, peer, tcb)
    peer.send(ACK, seq=seq, ack=1, payload=b"x")
    scene.advance(ms=39)
    peer.expect_nothing()
    scene.advance(ms=1)
    peer.expect(ACK, ack=seq + 1)
    assert scene.counters.tcp_ext.DelayedACKs == 1


def test_a_reply_carries_the_ack():
    scene, peer, tcb, _ = opened()
    seq = past_quick_acks(scene, peer, tcb)
    tcb.set_quickack(0, scene.now)
    for reply in range(5):
        peer.send(ACK | PSH, seq=seq, ack=1 + reply, payload=b"?")
        seq += 1
        peer.expect_nothing()
        tcb.recv(10, False, scene.now)
        tcb.send(b"!", scene.now)
        peer.expect(ACK | PSH, seq=1 + reply, ack=seq, payload=b"!")


def test_a_super_segment_gets_one_ack():
    scene, peer, tcb, _ = opened()
    seq = past_quick_acks(scene, peer, tcb)
    peer.send(ACK, seq=seq, ack=1, payload=b"x" * 14600, gso_size=1460)
    peer.expect(ACK, ack=seq + 14600)
    peer.expect_nothing()


def test_by_reference_payload_is_taken_as_it_is():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"y" * 20000, gso_size=1460, frags=True)
    peer.expect(ACK, ack=20001)
    assert tcb.recv(30000, False, scene.now) == b"y" * 20000


def test_what_passes_the_window_is_dropped_while_text_waits_for_the_reader():
    settings = Settings()
    settings.rcvbuf = 10000
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK, seq=1, ack=1, payload=b"x")
    peer.expect(ACK, ack=2)
    peer.send(ACK, seq=2, ack=1, payload=b"y" * 9000)
    assert peer.expect(ACK, ack=2) and scene.counters.tcp_ext.BeyondWindow == 1
    assert tcb.recv(10, False, scene.now) == b"x"
    peer.send(ACK, seq=2, ack=1, payload=b"y" * 9000)
    assert tcb.available() == 9000 and scene.counters.tcp_ext.BeyondWindow == 1


def test_a_sender_beyond_every_window_gets_no_further_than_one_segment():
    settings = Settings()
    settings.rcvbuf = 10000
    scene, peer, tcb, _ = opened(settings=settings)
    for seq in range(1, 200_000, 5000):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 5000)
    assert tcb.available() <= 10000 and scene.context.pool.used == tcb.available()


def test_window_closes_and_reopens_by_two_segments_or_half():
    settings = Settings()
    settings.rcvbuf = 20000
    scene, peer, tcb, _ = opened(settings=settings)
    total = 0
    while True:
        peer.send(ACK, seq=1 + total, ack=1, payload=b"x" * 1460)
        last = peer.drain()[-1:]
        scene.advance(ms=50)
        last += peer.drain()
        total = tcb.bytes_received
        if last and last[-1].wnd == 0:
            break
    assert scene.counters.tcp_ext.TCPToZeroWindowAdv == 1
    tcb.recv(100, False, scene.now)
    peer.expect_nothing()
    tcb.recv(20000, False, scene.now)
    assert peer.expect(ACK).wnd >= 8000
    assert scene.counters.tcp_ext.TCPFromZeroWindowAdv == 1


def test_a_closed_window_still_takes_acks_and_answers_probes():
    settings = Settings()
    settings.rcvbuf = 4096
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 2048)
    scene.advance(ms=40)
    peer.drain()
    tcb.send(b"data", scene.now)
    sent = peer.drain()[-1]
    assert sent.payload == b"data" and sent.wnd == 0
    nxt = 1 + tcb.bytes_received
    peer.send(ACK, seq=nxt, ack=5, payload=b"p")
    assert tcb.outq() == 0
    assert peer.expect(ACK).ack == nxt
    assert scene.counters.tcp_ext.TCPZeroWindowDrop == 1


def test_receive_buffer_grows_with_the_reader():
    scene, peer, tcb, _ = opened(wscale=7, ts=(1000, 0))
    seq, before = 1, tcb.rcv_buf
    for _ in range(30):
        for _ in range(10):
            peer.send(ACK, seq=seq, ack=1, payload=b"x" * 14480, gso_size=1448)
            seq += 14480
            tcb.recv(1 << 20, False, scene.now)
        scene.advance(ms=10)
        peer.drain()
    assert before == 131072 and tcb.rcv_buf > 2 * before
    assert tcb.rcv_buf <= 33554432


# Sending.


def test_sent_text_carries_psh_at_the_end_and_is_released_when_acknowledged():
    scene, peer, tcb, _owner = opened()
    assert tcb.send(b"a" * 3000, scene.now) == 3000
    peer.expect(ACK, seq=1, length=1460)
    peer.expect(ACK, seq=1461, length=1460)
    peer.expect(ACK | PSH, seq=2921, length=80)
    assert scene.context.pool.used == 3000
    peer.send(ACK, seq=1, ack=2921)
    assert tcb.outq() == 80
    peer.send(ACK, seq=1, ack=3001)
    assert tcb.outq() == 0 and scene.context.pool.used == 0


def test_super_segments_have_partial_checksums_and_gso_fields():
    scene, peer, tcb, _ = opened(Scene(gso_max=65535), wscale=7)
    tcb.settings.nodelay = True
    tcb.send(b"a" * 10000, scene.now)
    packet = scene.sender.sent[0]
    assert (packet.gso_size, packet.gso_type, packet.csum) == (1460, 1, CSUM_PARTIAL) and packet.df
    peer.expect(ACK | PSH, seq=1, length=7300)  # half of the initial window: one piece never takes the whole of it


def test_super_segments_of_ipv6_say_so():
    scene = Scene(gso_max=65535)
    ours, theirs = bytes(15) + b"\x01", b"\xfd" + bytes(15)
    peer = scene.peer(local=ours, remote=theirs)
    binding = scene.tcp.bind(b"", 80, 6, 0)
    from usernet.testing.peer import Owner

    listener = scene.tcp.listen(Owner(), binding, 5, Settings())
    tcb, _ = peer.open_passive(listener, mss=1440)
    tcb.settings.nodelay = True
    tcb.send(b"a" * 5000, scene.now)
    assert scene.sender.sent[0].gso_type == 4
    peer.expect(ACK, length=5000)


def test_nagle_holds_the_second_short_segment():
    scene, peer, tcb, _ = opened()
    tcb.send(b"a", scene.now)
    peer.expect(ACK, payload=b"a")
    tcb.send(b"b", scene.now)
    tcb.send(b"c", scene.now)
    peer.expect_nothing()
    peer.send(ACK, seq=1, ack=2)
    peer.expect(ACK, payload=b"bc")


def test_minshall_a_short_one_may_follow_full_ones():
    scene, peer, tcb, _ = opened()
    tcb.send(b"a" * 1460, scene.now)
    tcb.send(b"b", scene.now)
    peer.expect(ACK, length=1460)
    peer.expect(ACK, payload=b"b")


def test_nodelay_sends_at_once():
    settings = Settings()
    settings.nodelay = True
    scene, peer, tcb, _ = opened(settings=settings)
    for octets in (b"a", b"b", b"c"):
        tcb.send(octets, scene.now)
        peer.expect(ACK, payload=octets)


def test_cork_and_more_hold_short_segments():
    scene, peer, tcb, _ = opened()
    tcb.settings.cork = True
    tcb.settings_changed(scene.now)
    tcb.send(b"a" * 1000, scene.now)
    peer.expect_nothing()
    tcb.send(b"a" * 1000, scene.now)
    peer.expect(ACK, length=1460)
    tcb.settings.cork = False
    tcb.settings_changed(scene.now)
    peer.expect(ACK, length=540)
    peer.send(ACK, seq=1, ack=2001)
    tcb.send(b"x", scene.now, MSG_MORE)
    peer.expect_nothing()
    tcb.send(b"y", scene.now)
    peer.expect(ACK, payload=b"xy")


def test_corked_text_leaves_by_the_probe_timer():
    scene, peer, tcb, _ = opened()
    tcb.send(b"abc", scene.now, MSG_MORE)
    peer.expect_nothing()
    scene.advance(s=1)
    peer.expect(ACK, payload=b"abc")


def test_the_peers_window_bounds_what_is_sent_and_silly_windows_wait():
    scene, peer, tcb, _ = opened(wnd=3000)
    tcb.send(b"a" * 10000, scene.now)
    peer.expect(ACK, seq=1, length=1460)
    peer.expect(ACK, seq=1461, length=1460)
    peer.expect_nothing()
    peer.send(ACK, seq=1, ack=2921, wnd=100)
    peer.expect_nothing()
    peer.send(ACK, seq=1, ack=2921, wnd=1460)
    peer.expect(ACK, seq=2921, length=1460)


def test_a_peer_that_never_opens_a_whole_segment_gets_half_its_window():
    scene = Scene()
    peer = scene.peer()
    peer.wnd = 1000
    tcb, _ = peer.open_passive(scene.listen())
    tcb.send(b"a" * 3000, scene.now)
    peer.expect(ACK, seq=1, length=500)
    peer.expect(ACK, seq=501, length=500)
    peer.expect_nothing()


def test_zero_window_is_probed_with_backoff_for_ever_while_answered():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(b"hello", scene.now)
    peer.expect_nothing()
    gap = 0.2
    scene.advance(ms=199)
    peer.expect_nothing()
    scene.advance(ms=2)
    for _ in range(12):
        peer.expect(ACK, seq=0, length=0)
        peer.send(ACK, seq=1, ack=1, wnd=0)
        gap = min(2 * gap, 120)
        scene.advance(s=gap + 0.001)
    peer.drain()
    assert tcb.state == ESTABLISHED and scene.counters.tcp_ext.TCPWinProbe >= 12
    peer.send(ACK, seq=1, ack=1, wnd=100)
    peer.expect(ACK, seq=1, payload=b"hello")


def test_zero_window_probe_uses_what_little_window_there_is():
    scene, peer, tcb, _ = opened(wnd=3)
    tcb.send(b"hello", scene.now)
    peer.expect_nothing()
    scene.advance(ms=201)
    peer.expect(ACK, seq=1, payload=b"hel")


def test_a_probe_of_little_window_fits_the_path_as_it_is_now():
    scene, peer, tcb, _ = opened(wnd=5000, mss=1460)
    tcb.send(bytes(3000), scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=3001, wnd=1200)
    tcb.send(b"d" * 8000, scene.now)
    peer.expect_nothing()
    scene.sender.new_mtu(900)
    scene.advance(ms=300)
    peer.expect(ACK, seq=3001, length=860)


def test_old_segments_do_not_move_the_window():
    _scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, wnd=6000, payload=b"x")
    peer.send(ACK, seq=2, ack=1, wnd=5000, payload=b"y")
    assert tcb.snd_wnd == 5000
    peer.send(ACK, seq=1, ack=1, wnd=100, payload=b"xy")
    assert tcb.snd_wnd == 5000


def test_of_two_windows_at_the_same_place_the_larger_is_the_later():
    _scene, peer, tcb, _ = opened(wnd=1000)
    peer.send(ACK, seq=1, ack=1, wnd=9000)
    peer.send(ACK, seq=1, ack=1, wnd=5000)
    assert tcb.snd_wnd == 9000
    peer.send(ACK, seq=1, ack=1, wnd=0)
    assert tcb.snd_wnd == 0
    peer.send(ACK, seq=1, ack=1, wnd=4000)
    assert tcb.snd_wnd == 4000


def test_small_segments_that_join_what_waits_are_counted():
    scene, peer, _tcb, _ = opened()
    for i in range(3):
        peer.send(ACK, seq=1 + i, ack=1, payload=b"x")
    assert scene.counters.tcp_ext.TCPRcvCoalesce == 2


def test_window_scaling_applies_to_all_but_the_syn():
    _scene, peer, tcb, _ = opened(wscale=3)
    assert tcb.snd_wnd == 65535 << 3
    peer.send(ACK, seq=1, ack=1, payload=b"x")
    assert peer.expect(ACK).wnd << 10 >= 60000


def test_send_takes_a_prefix_when_the_buffer_is_full_and_pollout_returns():
    scene, peer, tcb, owner = opened()
    big = b"z" * 1_000_000
    n = tcb.send(big, scene.now)
    assert 0 < n < len(big)
    assert tcb.send(b"more", scene.now) == 0 and not tcb.poll() & POLLOUT
    acked = 1
    owner.take()
    while not owner.take() & POLLOUT:
        acked = max([acked] + [s.seq + len(s.payload) for s in peer.drain()])
        peer.send(ACK, seq=1, ack=acked)
    assert tcb.poll() & POLLOUT


def test_an_exhausted_pool_refuses_senders_and_drops_for_receivers():
    scene, peer, tcb, _ = opened(Scene(pool=10_000))
    assert tcb.send(b"a" * 9000, scene.now) == 9000
    assert tcb.send(b"a" * 2000, scene.now) == -ENOBUFS
    peer.drain()
    # What a reader waits for may overdraw it a little; what comes behind that must wait.
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 1100)
    peer.expect(ACK, ack=1101, wnd=0)
    peer.send(ACK, seq=1101, ack=1, payload=b"x" * 1100)
    peer.expect(ACK, ack=1101)
    assert scene.counters.tcp_ext.TCPZeroWindowDrop == 1 and tcb.available() == 1100
    assert tcb.recv(1100, False, scene.now) == b"x" * 1100
    peer.drain()
    scene.context.pool.force(1000)
    peer.send(ACK, seq=1101, ack=1, payload=b"x" * 1460)
    peer.expect(ACK, ack=1101, wnd=0)
    assert scene.counters.tcp_ext.TCPRcvQDrop == 1
    peer.send(ACK, seq=2561, ack=1, payload=b"x" * 1460)
    assert scene.counters.tcp_ext.BeyondWindow == 1 and tcb.available() == 0


def test_send_after_shutdown_is_epipe():
    scene, _peer, tcb, _ = opened()
    tcb.shutdown_send(scene.now)
    assert tcb.send(b"x", scene.now) == -EPIPE


def test_send_before_established_waits():
    from usernet.testing.peer import LOCAL, REMOTE, Owner

    scene = Scene()
    peer = scene.peer(local_port=5000)
    owner = Owner()
    binding = scene.tcp.bind(LOCAL, 5000, 4, 0)
    tcb = scene.tcp.connect(owner, binding, REMOTE, 40000, Settings(), scene.now)
    assert tcb.send(b"x", scene.now) == 0
    peer.expect(SYN)


def test_urgent_text_is_read_in_line():
    settings = Settings()
    settings.oobinline = True
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK | 0x20, seq=1, ack=1, payload=b"!now")
    assert tcb.recv(10, False, scene.now) == b"!now"


def test_maxseg_bounds_both_directions():
    settings = Settings()
    settings.maxseg = 600
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen(settings=settings)
    peer.send(SYN, mss=1460)
    assert peer.expect(SYN | ACK).mss == 600
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"a" * 1200, scene.now)
    peer.expect(ACK, length=600)


def test_a_peer_without_an_mss_option_gets_536():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, options=b"")
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"a" * 1072, scene.now)
    peer.expect(ACK, length=536)


def test_many_short_segments_do_not_pin_a_buffer_each():
    scene, peer, tcb, _ = opened()
    for i in range(1000):
        peer.send(ACK, seq=1 + i, ack=1, payload=b"x")
    assert tcb.recv(5000, False, scene.now) == b"x" * 1000


def test_fin_takes_effect_when_all_before_it_is_there():
    scene, peer, tcb, _ = opened()
    peer.send(FIN | ACK, seq=6, ack=1, payload=b"world")
    assert tcb.state == ESTABLISHED
    peer.send(ACK, seq=1, ack=1, payload=b"hello")
    assert tcb.recv(100, False, scene.now) == b"helloworld" and tcb.recv(1, False, scene.now) == b""


def test_quickack_leaves_and_enters_the_request_response_mode():
    scene, peer, tcb, _ = opened()
    seq = past_quick_acks(scene, peer, tcb)
    peer.send(ACK | PSH, seq=seq, ack=1, payload=b"x")
    peer.expect_nothing()
    tcb.settings.nodelay = True
    tcb.settings_changed(scene.now)
    peer.expect_nothing()
    tcb.set_quickack(0, scene.now)
    assert not tcb.quickack()
    peer.expect_nothing()
    assert tcb.recv(1, False, scene.now) == b"x"
    peer.send(ACK | PSH, seq=seq + 1, ack=1, payload=b"y")
    tcb.set_quickack(1, scene.now)
    assert tcb.quickack() and tcb.recv(1, False, scene.now) == b"y"
    peer.expect(ACK, ack=seq + 2)


def test_text_held_beyond_the_fin_is_given_back():
    scene, peer, tcb, _ = opened(sack_permitted=True)
    peer.send(ACK, seq=101, ack=1, payload=b"beyond")
    peer.send(FIN | ACK, seq=1, ack=1, payload=b"end")
    assert tcb.rcv_fin and tcb.recv(10, False, scene.now) == b"end"
    assert scene.context.pool.used == 0 and tcb.sack_count == 0


def pinned(queue):
    return sum({id(view.base): len(view.base) for view in queue}.values())


@pytest.mark.skipif(not bytequeue.__file__.endswith(".py"), reason="looks into the queue, which C hides")
def test_a_sliver_of_a_long_segment_pins_no_more_than_itself():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 30000)
    tcb.recv(30000, False, scene.now)
    for end in range(30601, 42001, 600):
        peer.send(ACK, seq=end - 30000, ack=1, payload=b"c" * 30000)
    assert tcb.available() == 19 * 600 and pinned(tcb.rcv_queue._views) < 2 * 19 * 600
    assert tcb.recv(99999, False, scene.now) == b"c" * 11400
    tcb.abort(scene.now)
    assert scene.leaves_nothing()
