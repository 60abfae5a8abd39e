"""Closing: both orders, half-close, orphans, TIME-WAIT and its reuse."""

from usernet.core.const import POLLHUP, POLLIN, POLLOUT, POLLRDHUP, SECOND
from usernet.tcp.const import (
    ACK,
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    PSH,
    RST,
    SYN,
    TIME_WAIT,
)  # fmt: skip
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene


def opened(scene=None, settings=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    listener = scene.listen(settings=settings)
    tcb, owner = peer.open_passive(listener, **options)
    return scene, peer, tcb, owner


def states(scene):
    return sorted(x.state for x in scene.tcp.tcbs() if x.state != 10)


def test_we_close_first_and_wait_two_msl():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.expect(FIN | ACK, seq=1, ack=1)
    assert tcb.state == FIN_WAIT_1
    peer.send(ACK, seq=1, ack=2)
    assert tcb.state == FIN_WAIT_2
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.expect(ACK, seq=2, ack=2)
    assert tcb.state == CLOSED and states(scene) == [TIME_WAIT]
    scene.advance(s=59.9)
    assert states(scene) == [TIME_WAIT]
    scene.advance(s=0.2)
    assert states(scene) == [] and scene.leaves_nothing()
    assert scene.counters.tcp_ext.TW == 1 and scene.counters.tcp.CurrEstab == 0


def test_peer_closes_first():
    scene, peer, tcb, owner = opened()
    peer.send(FIN | ACK, seq=1, ack=1)
    assert tcb.state == CLOSE_WAIT and owner.take() & POLLRDHUP
    assert tcb.poll() == POLLIN | POLLOUT | POLLRDHUP and tcb.recv(1, False, scene.now) == b""
    scene.advance(ms=50)
    peer.expect(ACK, ack=2)
    tcb.send(b"bye", scene.now)
    peer.expect(ACK | PSH, payload=b"bye")
    tcb.close(scene.now)
    peer.expect(FIN | ACK, seq=4, ack=2)
    assert tcb.state == LAST_ACK
    peer.send(ACK, seq=2, ack=5)
    assert tcb.state == CLOSED and scene.leaves_nothing()


def test_simultaneous_close():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.expect(FIN | ACK, seq=1)
    peer.send(FIN | ACK, seq=1, ack=1)
    peer.expect(ACK, seq=2, ack=2)
    assert tcb.state == CLOSING
    peer.send(ACK, seq=2, ack=2)
    assert states(scene) == [TIME_WAIT]


def test_fin_with_the_ack_of_our_fin_goes_straight_to_time_wait():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.expect(FIN | ACK)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.expect(ACK, seq=2, ack=2)
    assert states(scene) == [TIME_WAIT]


def test_half_close_still_receives():
    scene, peer, tcb, _owner = opened()
    tcb.shutdown_send(scene.now)
    peer.expect(FIN | ACK)
    peer.send(ACK, seq=1, ack=2)
    assert tcb.state == FIN_WAIT_2
    peer.send(ACK | PSH, seq=1, ack=2, payload=b"late")
    assert tcb.recv(10, False, scene.now) == b"late"
    scene.advance(s=3600)
    assert tcb.state == FIN_WAIT_2
    peer.send(FIN | ACK, seq=5, ack=2)
    assert tcb.recv(10, False, scene.now) == b"" and tcb.poll() & POLLHUP


def test_fin_rides_on_the_last_text():
    scene, peer, tcb, _ = opened()
    tcb.settings.cork = True
    tcb.send(b"last", scene.now)
    tcb.settings.cork = False
    tcb.shutdown_send(scene.now)
    peer.expect(FIN | PSH | ACK, seq=1, payload=b"last")


def test_received_text_survives_the_peers_close_and_ours():
    scene, peer, tcb, _ = opened()
    tcb.shutdown_send(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2, payload=b"data")
    assert tcb.state == CLOSED and states(scene) == [TIME_WAIT]
    assert tcb.recv(10, False, scene.now) == b"data" and tcb.recv(10, False, scene.now) == b""
    tcb.close(scene.now)
    assert scene.context.pool.used == 0


def test_rfc2525_close_with_unread_text_resets():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"unread")
    peer.drain()
    tcb.close(scene.now)
    peer.expect(RST | ACK, seq=1)
    assert scene.counters.tcp_ext.TCPAbortOnClose == 1 and scene.leaves_nothing()


def test_text_for_an_orphan_is_answered_with_rst():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.expect(FIN | ACK)
    peer.send(ACK, seq=1, ack=2, payload=b"more")
    peer.expect(RST, seq=2)
    assert scene.counters.tcp_ext.TCPAbortOnData == 1 and scene.leaves_nothing()


def test_abort():
    scene, peer, tcb, owner = opened()
    tcb.send(b"x" * 100, scene.now)
    peer.drain()
    tcb.abort(scene.now)
    peer.expect(RST | ACK, seq=101)
    assert owner.take() & POLLHUP and scene.leaves_nothing() and scene.counters.tcp.OutRsts == 1


def test_a_reset_that_cannot_leave_is_counted():
    scene, peer, tcb, _owner = opened()
    scene.sender.refuse = -105
    tcb.abort(scene.now)
    peer.expect_nothing()
    assert scene.counters.tcp_ext.TCPAbortFailed == 1 and scene.leaves_nothing()


def test_an_orphan_leaves_fin_wait_2_after_tcp_fin_timeout():
    scene, peer, tcb, _ = opened(Scene(tcp_fin_timeout=20))
    tcb.close(scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=2)
    scene.advance(s=19)
    assert tcb.state == FIN_WAIT_2
    scene.advance(s=2)
    assert tcb.state == CLOSED and scene.leaves_nothing()
    peer.expect_nothing()


def test_linger2_of_less_than_zero_does_not_wait_at_all():
    settings = Settings()
    settings.linger2_ns = -1
    scene, peer, tcb, _ = opened(settings=settings)
    tcb.close(scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=2)
    assert tcb.state == CLOSED and scene.counters.tcp_ext.TCPAbortOnLinger == 1


def test_an_orphan_gives_up_after_8_retransmissions():
    scene, _peer, tcb, _ = opened()
    tcb.send(b"x" * 10, scene.now)
    tcb.close(scene.now)
    scene.advance(s=120)
    assert tcb.state == CLOSED and scene.leaves_nothing()


def test_orphans_are_bounded():
    scene, peer, tcb, _ = opened(Scene(tcp_max_orphans=0))
    tcb.close(scene.now)
    assert tcb.state == CLOSED and scene.counters.tcp_ext.TCPAbortOnMemory == 1
    assert peer.drain()[-1].flags & RST and scene.leaves_nothing()


def test_close_while_connecting_says_nothing():
    scene = Scene()
    from usernet.testing.peer import REMOTE, Owner

    tcb = scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now)
    tcb.close(scene.now)
    assert scene.leaves_nothing()


def test_time_wait_acknowledges_a_repeated_fin_and_starts_again():
    scene, peer, tcb, _ = opened()
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.drain()
    scene.advance(s=50)
    for _ in range(2):
        peer.send(FIN | ACK, seq=1, ack=2)
        peer.expect(ACK, seq=2, ack=2)
    scene.advance(s=50)
    assert states(scene) == [TIME_WAIT]
    scene.advance(s=11)
    assert scene.leaves_nothing()


def test_time_wait_answers_at_a_limited_rate_what_would_be_answered_in_turn():
    scene, peer = waiting()
    peer.send(ACK, seq=1, ack=2)
    peer.expect(ACK, seq=2, ack=2)
    peer.send(ACK, seq=1, ack=2)
    peer.expect_nothing()
    assert scene.counters.tcp_ext.TCPACKSkippedTimeWait == 1


def waiting(scene=None, **options):
    scene, peer, tcb, _ = opened(scene, **options)
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.drain()
    assert states(scene) == [TIME_WAIT]
    return scene, peer


def test_rfc6191_a_later_syn_takes_the_place_of_time_wait():
    scene, peer = waiting()
    peer.send(SYN, seq=70000, mss=1460)
    answer = peer.expect(SYN | ACK, ack=70001)
    assert answer.seq == 2 + 65537
    assert scene.counters.tcp_ext.TWRecycled == 1


def test_an_earlier_syn_does_not_unless_its_timestamp_is_newer():
    scene, peer = waiting(ts=(1000, 0))
    peer.send(SYN, seq=0xFFFFFFF0, mss=1460, ts=(999, 0))
    peer.expect(ACK, seq=2, ack=2)
    scene.advance(s=1)
    peer.send(SYN, seq=0xFFFFFFF0, mss=1460, ts=(1001, 0))
    peer.expect(SYN | ACK)


def test_rfc1337():
    scene, peer = waiting()
    peer.send(RST, seq=2)
    assert states(scene) == [] and scene.counters.tcp_ext.TWKilled == 1
    scene, peer = waiting(Scene(tcp_rfc1337=1))
    peer.send(RST, seq=2)
    assert states(scene) == [TIME_WAIT]


def test_time_wait_entries_are_bounded():
    scene = Scene(tcp_max_tw_buckets=0)
    scene, peer, tcb, _ = opened(scene)
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    assert states(scene) == [] and scene.counters.tcp_ext.TCPTimeWaitOverflow == 1 and scene.leaves_nothing()


def test_tcpestabresets_counts_every_end_in_established():
    # RFC 4022: direct transitions to CLOSED from ESTABLISHED or CLOSE-WAIT, whoever causes them.
    for ends in ("abort", "unread text", "timeout"):
        scene, peer, tcb, _owner = opened()
        if ends == "abort":
            tcb.abort(scene.now)
        elif ends == "unread text":
            peer.send(ACK, seq=1, ack=1, payload=b"x")
            tcb.close(scene.now)
        else:
            tcb.send(b"x", scene.now)
            scene.advance(s=2000)
        assert tcb.state == CLOSED and scene.counters.tcp.EstabResets == 1, ends


def test_reset_gives_the_errno_of_the_state():
    from errno import ECONNRESET, EPIPE

    scene, peer, tcb, _owner = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"before")
    peer.send(RST, seq=7)
    assert tcb.recv(10, False, scene.now) == b"before"
    assert tcb.send(b"x", scene.now) == -ECONNRESET and tcb.send(b"x", scene.now) == -EPIPE
    assert tcb.recv(10, False, scene.now) == b""
    assert scene.counters.tcp.EstabResets == 1
    scene, peer, tcb, _owner = opened()
    peer.send(FIN | ACK, seq=1, ack=1)
    peer.send(RST, seq=2)
    assert tcb.take_error() == EPIPE


def test_keepalive_probes_then_resets():
    settings = Settings()
    settings.keepalive = True
    settings.keepidle_ns, settings.keepintvl_ns, settings.keepcnt = 10 * SECOND, 2 * SECOND, 3
    scene, peer, tcb, _owner = opened(settings=settings)
    scene.advance(s=10)
    peer.expect(ACK, seq=0, ack=1)
    peer.send(ACK, seq=1, ack=1)
    scene.advance(s=9)
    peer.expect_nothing()
    scene.advance(s=1)
    for _ in range(3):
        peer.expect(ACK, seq=0, length=0)
        peer.expect_nothing()
        scene.advance(s=2)
    peer.expect(RST | ACK)
    assert tcb.state == CLOSED and scene.counters.tcp_ext.TCPKeepAlive == 4 and scene.leaves_nothing()


def test_a_blind_segment_postpones_no_keepalive():
    settings = Settings()
    settings.keepalive = True
    settings.keepidle_ns = 10 * SECOND
    scene, peer, _tcb, _owner = opened(settings=settings)
    scene.advance(s=9)
    peer.send(ACK, seq=1_000_000_000, ack=1)
    peer.expect(ACK, seq=1, ack=1)
    scene.advance(s=1)
    peer.expect(ACK, seq=0, ack=1)


def test_the_peers_keepalive_is_answered():
    _scene, peer, _tcb, _ = opened()
    peer.send(ACK, seq=0, ack=1)
    peer.expect(ACK, seq=1, ack=1)


def test_keepalive_switched_on_later():
    scene, peer, tcb, _ = opened()
    tcb.settings.keepalive = True
    tcb.settings.keepidle_ns = 5 * SECOND
    tcb.settings_changed(scene.now)
    scene.advance(s=5)
    peer.expect(ACK, seq=0)
    tcb.settings.keepalive = False
    tcb.settings_changed(scene.now)
    scene.advance(s=10_000)
    peer.expect_nothing()
    assert tcb.state == ESTABLISHED
