"""What a send buffer takes, and when it tells its writer of room: SO_SNDBUF, TCP_NOTSENT_LOWAT, chrono."""

from usernet.core.const import MS, POLLOUT
from usernet.tcp.const import ACK
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene

M = 1000


def opened(scene=None, settings=None, **options):
    scene = scene or Scene(gso_max=65535)
    peer = scene.peer()
    peer.wnd = 257
    tcb, owner = peer.open_passive(scene.listen(settings=settings), mss=M, wscale=7, **options)
    return scene, peer, tcb, owner


def test_the_buffer_begins_with_room_for_two_first_windows():
    _scene, _peer, tcb, _ = opened()
    assert tcb.snd_buf == 2 * 10 * 2304


def test_a_write_is_taken_in_pieces_of_half_the_largest_window():
    scene, peer, tcb, _ = opened(Scene(gso_max=65535, tcp_wmem="4096 50000 4194304"))
    # Ten segments leave; what is left of the first piece is filled up, and three more begin below 50000 octets.
    assert tcb.send(bytes(59_000), scene.now) == 58_000
    assert sum(len(sent.payload) for sent in peer.drain()) == 10_000
    assert not tcb.poll() & POLLOUT


def test_notsent_lowat_bounds_what_waits_and_wakes_at_half_of_it():
    scene, peer, tcb, owner = opened(Scene(gso_max=65535, tcp_wmem="4096 50000 4194304"))
    tcb.settings.notsent_lowat = 32_000
    assert tcb.send(bytes(59_000), scene.now) == 42_000
    assert not tcb.poll() & POLLOUT
    owner.take()
    peer.send(ACK, seq=1, ack=10_001)
    assert tcb.unsent() < 16_000 + M and owner.take() & POLLOUT


def test_the_sysctl_speaks_where_no_socket_option_does():
    scene, _peer, tcb, _ = opened(Scene(gso_max=65535, tcp_notsent_lowat=16_000))
    assert tcb.send(bytes(100_000), scene.now) == 10_000 + 16_000


def test_a_small_buffer_takes_three_small_pieces():
    settings = Settings()
    settings.sndbuf = 4608
    scene = Scene(gso_max=65535)
    peer = scene.peer()
    peer.wnd = 2000
    tcb, _ = peer.open_passive(scene.listen(settings=settings), mss=M, ts=(1, 0))
    assert tcb.send(bytes(10_000), scene.now) == 3 * 988


def test_time_is_told_apart_by_what_held_the_sender():
    settings = Settings()
    settings.sndbuf = 20_000
    scene, peer, tcb, _ = opened(settings=settings)
    started = scene.now
    tcb.send(bytes(100_000), scene.now)
    scene.advance(ms=10)
    peer.send(ACK, seq=1, ack=10_001)
    peer.drain()
    while tcb.unsent() or tcb.outq():
        scene.advance(ms=10)
        peer.send(ACK, seq=1, ack=1 + (tcb.snd_nxt - tcb.iss - 1) % 2**32)
        peer.drain()
    info = tcb.info(scene.now)
    assert info["busy_time"] * 1000 == scene.now - started
    assert 0 < info["sndbuf_limited"] < info["busy_time"] and info["rwnd_limited"] == 0
    scene.advance(s=1)
    assert tcb.info(scene.now)["busy_time"] == info["busy_time"]


def test_a_closed_window_is_time_held_by_the_peer():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(bytes(3000), scene.now)
    scene.advance(ms=50)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, wnd=257)
    info = tcb.info(scene.now)
    assert info["rwnd_limited"] == 50_000 and info["busy_time"] == 50_000
    peer.drain()
    peer.send(ACK, seq=1, ack=3001)
    assert tcb.info(scene.now)["busy_time"] * 1000 == 50 * MS


def test_what_the_device_refuses_stays_unsent_and_is_tried_every_half_second():
    settings = Settings()
    settings.user_timeout_ns = 3000 * MS
    scene, _peer, tcb, _ = opened(settings=settings)
    scene.sender.refuse = -105
    assert tcb.send(b"x" * 24, scene.now) == 24
    assert tcb.unsent() == 24 and tcb.info()["unacked"] == 0
    scene.advance(ms=3200)
    assert tcb.info()["probes"] >= 4 and tcb.info()["backoff"] == 0 and tcb.err == 0
    scene.advance(ms=2000)
    assert tcb.send(b"x", scene.now) == -110


def test_a_window_that_stays_shut_ends_by_the_user_timeout_though_the_peer_answers():
    settings = Settings()
    settings.user_timeout_ns = 3000 * MS
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(b"x" * 24, scene.now)
    for _ in range(100):
        scene.advance(ms=100)
        if peer.drain() and tcb.state != 7:
            peer.send(ACK, seq=1, ack=1, wnd=0)
        if tcb.err:
            break
    assert tcb.err == 110 and scene.now < 10_000 * MS + 10**12


def test_rfc5482_a_peer_that_takes_text_by_the_piece_is_not_given_up():
    settings = Settings()
    settings.user_timeout_ns = 2000 * MS
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(bytes(30_000), scene.now)
    for _ in range(10):
        scene.advance(ms=500)
        peer.drain()
        peer.send(ACK, seq=1, ack=tcb.snd_una - tcb.iss, wnd=8)
        assert 0 < len(peer.expect(ACK).payload) < 2000
        peer.send(ACK, seq=1, ack=tcb.snd_nxt - tcb.iss, wnd=0)
    # It stops: two seconds after the first probe that follows.
    scene.advance(ms=1500)
    assert tcb.err == 0
    scene.advance(ms=1500)
    assert tcb.err == 110


def test_rfc5482_text_behind_a_window_taken_back_is_not_sent_again_after_the_users_patience():
    settings = Settings()
    settings.user_timeout_ns = 100 * MS
    scene, peer, tcb, _ = opened(settings=settings)
    tcb.send(bytes(1000), scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, wnd=0)
    scene.advance(s=3)
    peer.expect_nothing()
    assert tcb.err == 110
