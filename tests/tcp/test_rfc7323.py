"""RFC 7323, what other files do not show of it; docs/rfc/rfc7323.md is the index."""

from usernet.core.const import SECOND
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner, Scene
from usernet.testing.wire import B, Pair
from usernet.wire.tcp import timestamp_option


def opened(scene=None, wnd=1000, **options):
    scene = scene or Scene()
    peer = scene.peer()
    peer.wnd = wnd
    tcb, _ = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb


def test_2_2_a_window_scale_outside_a_syn_is_ignored():
    _, peer, tcb = opened(wscale=2)
    peer.send(ACK, seq=1, ack=1, wnd=2000, options=bytes((3, 3, 9, 1)))
    assert tcb.snd_wscale == 2 and tcb.snd_wnd == 8000


def test_2_2_without_the_peers_option_neither_window_is_scaled():
    _scene, peer, tcb = opened(mss=1460)
    assert tcb.snd_wscale == tcb.rcv_wscale == 0
    peer.send(ACK, seq=1, ack=1, wnd=1001)
    assert tcb.snd_wnd == 1001


def test_2_2_the_window_of_a_syn_is_not_scaled():
    scene = Scene()
    listener = scene.listen()
    peer = scene.peer()
    peer.wnd = 3000
    peer.send(SYN, mss=1460, wscale=7)
    answer = peer.expect(SYN | ACK)
    assert answer.wscale == 10 and answer.wnd == 44 * 1460  # octets, though the next one will be in kibioctets
    peer.send(ACK, seq=1, ack=1, wnd=30)
    assert listener.accept(scene.now).snd_wnd == 30 << 7
    peer = scene.peer(local_port=5000)
    peer.wnd = 3000
    tcb, _ = peer.open_active(wscale=7)
    assert tcb.snd_wnd == 3000 and tcb.snd_wscale == 7


def test_2_3_the_syn_ack_answers_with_an_option_of_its_own():
    scene = Scene()
    scene.listen()
    peer = scene.peer()
    peer.send(SYN, mss=1460, wscale=3)
    assert peer.expect(SYN | ACK).wscale == 10
    peer = scene.peer(remote_port=40001, wrap=False)
    peer.send(SYN, mss=1460)
    assert peer.expect(SYN | ACK).wscale == -1


def test_2_3_a_shift_above_14_is_taken_as_14():
    for shift in (15, 16, 200, 255):
        _, _, tcb = opened(wscale=shift)
        assert tcb.snd_wscale == 14


def test_2_4_what_was_once_in_the_window_is_in_it():
    # Windows are rounded to the scale, so that the last one offered may end before an earlier one did.
    scene, peer, tcb = opened(wscale=7)
    edge = tcb.rcv_wup + tcb.rcv_wnd & 0xFFFFFFFF
    peer.send(PSH | ACK, seq=1, ack=1, payload=b"x" * 130)
    peer.drain()
    scene.advance(ms=500)
    last = edge - tcb.irs - 1 & 0xFFFFFFFF
    peer.send(PSH | ACK, seq=last, ack=1, payload=b"y")
    assert tcb.ofo.memory > 0 and scene.counters.tcp_ext.BeyondWindow == 0


def test_2_4_new_text_stays_inside_the_last_window_offered():
    scene, peer, tcb = opened(wscale=2, wnd=1000)
    tcb.send(bytes(20_000), scene.now)
    assert sum(len(x.payload) for x in peer.drain()) <= 4000


def test_3_2_the_echo_of_a_syn_is_zero_and_is_not_looked_at():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    scene.tcp.connect(Owner(), scene.tcp.bind(peer.local, 5000, 4, 0), peer.remote, 40000, Settings(), scene.now)
    assert peer.expect(SYN).ts[1] == 0
    _, peer, tcb = opened(ts=(100, 0xDEADBEEF))
    assert tcb.state == ESTABLISHED and tcb.ts_recent == 100


def test_3_2_every_segment_of_the_connection_has_timestamps():
    scene, peer, tcb = opened(ts=(100, 0), sack_permitted=True)
    tcb.settings.keepalive = True
    tcb.settings.keepidle_ns = 5 * SECOND
    tcb.settings_changed(scene.now)
    tcb.send(b"x" * 100, scene.now)
    sent = [peer.take()]
    scene.run_until(tcb.rtx_timer.expires_at)
    sent += peer.drain()
    peer.send(ACK, seq=1, ack=101)
    peer.send(ACK, seq=50, ack=101, payload=b"gap")
    sent += peer.drain()
    scene.advance(s=6)
    sent += peer.drain()
    tcb.shutdown_send(scene.now)
    sent += peer.drain()
    assert len(sent) >= 5 and all(x.ts is not None for x in sent)


def test_3_2_a_segment_without_timestamps_ends_nothing():
    _, peer, tcb = opened(ts=(100, 0))
    peer.ts = None
    peer.send(FIN | ACK, seq=1, ack=1, options=b"")
    assert tcb.state != CLOSED and tcb.rcv_fin


def test_4_1_the_clock_follows_real_time():
    scene, peer, tcb = opened(ts=(100, 0))
    tcb.send(b"x", scene.now)
    first = peer.take().ts[0]
    scene.advance(s=0)
    peer.send(ACK, seq=1, ack=2)
    peer.drain()
    scene.advance(s=7)
    tcb.send(b"y", scene.now)
    assert (peer.take().ts[0] - first) & 0xFFFFFFFF == 7000


def test_4_3_a_delayed_ack_echoes_the_earliest_segment_it_is_for():
    scene, peer, tcb = opened(ts=(100, 0))
    tcb.quick = 0
    tcb.ato = 40_000_000
    tcb.pingpong = 1
    tcb.rcv_mss = 1460
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 10, ts=(101, 0))
    peer.send(ACK, seq=11, ack=1, payload=b"b" * 10, ts=(150, 0))
    scene.advance(ms=300)
    assert [x.ts[1] for x in peer.drain()][-1] == 101


def test_4_3_an_ack_for_text_behind_a_hole_echoes_what_last_moved_the_edge_and_the_filler_is_echoed():
    _, peer, _tcb = opened(ts=(100, 0), sack_permitted=True)
    peer.send(PSH | ACK, seq=1, ack=1, payload=b"a" * 10, ts=(110, 0))
    peer.drain()
    peer.send(PSH | ACK, seq=21, ack=1, payload=b"c" * 10, ts=(120, 0))
    assert peer.drain()[-1].ts[1] == 110
    peer.send(PSH | ACK, seq=11, ack=1, payload=b"b" * 10, ts=(130, 0))
    assert peer.drain()[-1].ts[1] == 130


def test_5_2_the_timestamp_kept_never_goes_back():
    _, peer, tcb = opened(ts=(100, 0))
    kept = [tcb.ts_recent]
    for value in (150, 149, 150, 120, 151, 150, 0x8000_0000, 200):
        peer.send(ACK, seq=1, ack=1, ts=(value, 0))
        kept.append(tcb.ts_recent)
    assert kept == sorted(kept)


def test_5_2_a_reset_is_not_judged_by_its_timestamp_and_says_nothing_with_it():
    _, peer, tcb = opened(ts=(1000, 0))
    peer.send(RST, seq=5, options=timestamp_option(5000, 0))
    assert tcb.ts_recent == 1000
    peer.send(RST, seq=1, options=timestamp_option(1, 0))
    assert tcb.state == CLOSED


def test_5_2_an_abort_has_timestamps():
    scene, peer, tcb = opened(ts=(1000, 0))
    tcb.abort(scene.now)
    sent = peer.expect(RST | ACK)
    assert sent.ts is not None and sent.ts[1] == 1000


def test_5_3_timestamps_are_judged_before_sequence_numbers():
    scene, peer, _tcb = opened(ts=(1000, 0))
    peer.send(ACK, seq=500_000, ack=1, payload=b"x", ts=(999, 0))
    assert scene.counters.tcp_ext.PAWSEstab == 1 and scene.counters.tcp_ext.BeyondWindow == 0
    peer.expect(ACK, seq=1, ack=1)


def test_5_3_what_waits_behind_a_hole_is_not_judged_again():
    scene, peer, tcb = opened(ts=(1000, 0))
    peer.send(ACK, seq=11, ack=1, payload=b"b" * 10, ts=(1001, 0))
    peer.send(ACK, seq=1, ack=1, payload=b"a" * 10, ts=(2000, 0))
    assert tcb.recv(100, False, scene.now) == b"a" * 10 + b"b" * 10


def test_5_3_an_old_duplicate_after_the_sequence_space_has_wrapped_is_dropped():
    scene, peer, tcb = opened(ts=(1000, 0))
    tcb.rcv_nxt = tcb.rcv_wup = tcb.last_ack_sent = peer.isn + 1 & 0xFFFFFFFF
    peer.send(ACK, seq=1, ack=1, payload=b"new", ts=(90_000, 0))
    peer.send(ACK, seq=4, ack=1, payload=b"old", ts=(1001, 0))
    assert tcb.recv(100, False, scene.now) == b"new"


def test_5_7_segments_may_not_be_fragmented():
    scene, peer, tcb = opened(ts=(1000, 0))
    tcb.send(b"x", scene.now)
    assert all(x.packet.df for x in peer.drain())


def test_5_4_the_clock_ticks_within_each_window():
    pair = Pair(delay_ms=5)
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 80, 4, 1), 10, Settings())
    tcb = pair.a.connect(Owner(), None, B, 80, Settings(), pair.now)
    pair.run(ms=50)
    child = listener.accept(pair.now)
    before = child.ts_recent
    tcb.send(bytes(100_000), pair.now)
    pair.run(ms=200)
    assert (child.ts_recent - before) & 0xFFFFFFFF >= 10
