"""Opening a connection: passive, active, simultaneous; queues, retries, refusals."""

from errno import EADDRNOTAVAIL, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLOUT, SECOND
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN, SYN_RECEIVED, SYN_SENT
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, REMOTE, Owner, Scene


def connecting(scene, peer, settings=None):
    owner = Owner()
    binding = scene.tcp.bind(LOCAL, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(owner, binding, REMOTE, peer.remote_port, settings or Settings(), scene.now)
    scene.tcp.unbind(binding)
    return tcb, owner


def test_passive_open_wakes_the_listener_once_the_handshake_is_done():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, seq=0, mss=1460)
    peer.expect(SYN | ACK, seq=0, ack=1)
    assert listener.poll() == 0 and listener.accept(scene.now) is None
    peer.send(ACK, seq=1, ack=1)
    assert listener.owner.take() & POLLIN and listener.poll() & POLLIN
    tcb = listener.accept(scene.now)
    assert tcb.state == ESTABLISHED and tcb.remote == REMOTE and tcb.remote_port == 40000
    assert scene.counters.tcp.PassiveOpens == 1 and scene.counters.tcp.CurrEstab == 1
    peer.expect_nothing()


def test_initial_numbers_wrap():
    scene = Scene()
    peer = scene.peer()
    peer.open_passive(scene.listen())
    assert peer.iss == 0xFFFFFF00


def test_syn_ack_has_linux_option_order_and_answers_only_what_was_offered():
    scene = Scene()
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460, sack_permitted=True, ts=(7, 0), wscale=8)
    answer = peer.expect(SYN | ACK)
    assert answer.options[:6] == b"\x02\x04\x05\xb4\x04\x02" and answer.options[6:8] == b"\x08\x0a"
    assert answer.options[16:] == b"\x01\x03\x03\x0a" and answer.ts[1] == 7
    other = scene.peer(remote_port=40001, wrap=False)
    other.send(SYN, options=b"\x02\x04\x05\xb4")
    answer = other.expect(SYN | ACK)
    assert answer.options == b"\x02\x04\x05\xb4" and answer.wnd == 64240


def test_syn_options_in_linux_order():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    connecting(scene, peer)
    options = peer.expect(SYN).options
    assert options[:8] == b"\x02\x04\x05\xb4\x04\x02\x08\x0a" and options[-4:] == b"\x01\x03\x03\x0a"
    scene = Scene(tcp_timestamps=0)
    peer = scene.peer(local_port=5000)
    connecting(scene, peer)
    assert peer.expect(SYN).options == b"\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x0a"


def test_active_open():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, owner = connecting(scene, peer)
    assert tcb.state == SYN_SENT and tcb.poll() == 0
    peer.expect(SYN, seq=0)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    peer.expect(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED and owner.take() & POLLOUT and tcb.poll() == POLLOUT


def test_syn_ack_may_carry_text_and_fin():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _owner = connecting(scene, peer)
    peer.expect(SYN)
    peer.send(SYN | ACK | FIN, seq=0, ack=1, mss=1460, payload=b"hello")
    peer.expect(ACK, seq=1, ack=7)
    assert tcb.recv(10, False, scene.now) == b"hello" and tcb.recv(10, False, scene.now) == b""


def test_simultaneous_open():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    peer.expect(SYN, seq=0)
    peer.send(SYN, seq=0, mss=1460)
    peer.expect(SYN | ACK, seq=0, ack=1)
    assert tcb.state == SYN_RECEIVED
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    assert tcb.state == ESTABLISHED
    assert tcb.send(b"x", scene.now) == 1
    peer.drain()


def test_syn_sent_answers_a_bad_ack_with_rst_and_stays():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=5)
    peer.expect(RST, seq=5)
    assert tcb.state == SYN_SENT
    peer.send(RST | ACK, seq=0, ack=77)
    assert tcb.state == SYN_SENT
    peer.send(RST, seq=0)
    assert tcb.state == SYN_SENT
    peer.expect_nothing()


def test_refused():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, owner = connecting(scene, peer)
    peer.expect(SYN)
    peer.send(RST | ACK, seq=0, ack=1)
    assert tcb.state == CLOSED and owner.take() & POLLERR
    assert tcb.poll() & 0x1F == POLLERR | POLLHUP | POLLIN | POLLOUT
    assert tcb.recv(1, False, scene.now) is None
    assert tcb.take_error() == ECONNREFUSED and tcb.take_error() == 0
    assert tcb.recv(1, False, scene.now) == b""
    assert scene.counters.tcp.AttemptFails == 1
    assert scene.leaves_nothing()


def test_syn_is_retransmitted_with_backoff_and_gives_up():
    scene = Scene(tcp_syn_retries=3, tcp_syn_linear_timeouts=0)
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    start = scene.now
    peer.expect(SYN)
    for at in (1, 3, 7):
        scene.run_until(start + at * SECOND - 1)
        peer.expect_nothing()
        scene.run_until(start + at * SECOND)
        peer.expect(SYN, seq=0)
    scene.run_until(start + 15 * SECOND)
    peer.expect_nothing()
    assert tcb.take_error() == ETIMEDOUT and scene.counters.tcp_ext.TCPSynRetrans == 3
    assert scene.leaves_nothing()


def test_the_first_retransmissions_of_a_syn_are_a_second_apart():
    scene = Scene(tcp_syn_retries=1)
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    start = scene.now
    peer.expect(SYN)
    for at in (1, 2, 3, 4, 5):
        scene.run_until(start + at * SECOND - 1)
        peer.expect_nothing()
        scene.run_until(start + at * SECOND)
        peer.expect(SYN, seq=0)
    scene.run_until(start + 7 * SECOND)
    assert tcb.state == CLOSED
    peer.expect_nothing()


def test_syncnt_and_user_timeout_bound_the_attempt():
    scene = Scene(tcp_syn_linear_timeouts=0)
    settings = Settings()
    settings.syncnt = 1
    tcb, _ = connecting(scene, scene.peer(local_port=5000), settings)
    scene.advance(s=3.1)
    assert tcb.state == CLOSED


def test_icmp_ends_an_attempt_only_when_it_quotes_our_syn():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    peer.expect(SYN)
    peer.icmp(7, EHOSTUNREACH)
    assert tcb.state == SYN_SENT and scene.counters.tcp_ext.OutOfWindowIcmps == 1
    peer.icmp(0, EHOSTUNREACH)
    assert tcb.take_error() == EHOSTUNREACH and tcb.state == CLOSED


def test_closed_answers_with_rst():
    scene = Scene()
    peer = scene.peer(local_port=9)
    peer.iss = 0
    peer.send(SYN, seq=0, payload=b"abc")
    peer.expect(RST | ACK, seq=0, ack=4)
    peer.send(ACK, seq=3, ack=12)
    peer.expect(RST, seq=12)
    peer.send(RST, seq=3)
    peer.expect_nothing()


def test_connect_reports_an_unreachable_route_at_once():
    scene = Scene()
    scene.sender.unreachable = EHOSTUNREACH
    with pytest.raises(OSError) as error:
        scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now)
    assert error.value.errno == EHOSTUNREACH
    assert scene.leaves_nothing()


def test_a_bound_tuple_cannot_connect_twice():
    scene = Scene()
    binding = scene.tcp.bind(LOCAL, 5000, 4, 0)
    scene.tcp.connect(Owner(), binding, REMOTE, 80, Settings(), scene.now)
    with pytest.raises(OSError) as error:
        scene.tcp.connect(Owner(), binding, REMOTE, 80, Settings(), scene.now)
    assert error.value.errno == EADDRNOTAVAIL


def test_syn_sent_rtt_sample_is_taken():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    peer.expect(SYN)
    scene.advance(ms=50)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    assert tcb.info()["rtt"] == 50_000
    assert tcb.rtt.rto == 50 * MS + 200 * MS


def test_rfc7323_2_2_a_small_receive_buffer_still_offers_window_scaling():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    settings = Settings()
    settings.rcvbuf = 65536
    tcb, _ = connecting(scene, peer, settings)
    assert peer.expect(SYN).wscale == 0
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460, wscale=7)
    assert tcb.snd_wscale == 7


def test_a_syn_in_time_wait_that_nobody_listens_for_is_acknowledged():
    scene = Scene()
    listener = scene.listen()
    peer = scene.peer()
    tcb, _ = peer.open_passive(listener)
    tcb.close(scene.now)
    peer.expect(ACK | FIN)
    peer.send(ACK | FIN, seq=1, ack=2)
    peer.expect(ACK, seq=2, ack=2)
    listener.close(scene.now)
    peer.send(SYN, seq=70_000)
    peer.expect(ACK, seq=2, ack=2)


def test_tw_reuse_delay_is_a_sysctl():
    scene = Scene(tcp_tw_reuse=1, tcp_tw_reuse_delay=5000, ip_local_port_range="5000 5000")
    peer = scene.peer(local_port=5000, remote_port=80, wrap=False)
    tcb = scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now)
    sent = peer.expect(SYN)
    peer.ts = 100
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460, ts=(100, sent.ts[0]))
    tcb.close(scene.now)
    peer.drain()
    peer.send(ACK | FIN, seq=1, ack=2)
    for wait, works in ((4.9, False), (0.2, True)):
        scene.advance(s=wait)
        try:
            scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now)
        except OSError as error:
            assert error.errno == EADDRNOTAVAIL and not works
        else:
            assert works


def test_syns_go_again_a_second_apart_and_then_ever_later():
    scene = Scene(tcp_syn_retries=2)
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    start = scene.now
    peer.expect(SYN)
    for at in (1, 2, 3, 4, 5, 7):
        scene.run_until(start + at * SECOND - 1)
        peer.expect_nothing()
        scene.run_until(start + at * SECOND)
        peer.expect(SYN, seq=0)
    scene.run_until(start + 11 * SECOND)
    assert tcb.take_error() == ETIMEDOUT


def test_a_wrong_ack_of_our_syn_is_reset_and_the_syn_goes_again_at_once():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    connecting(scene, peer)
    peer.expect(SYN)
    peer.send(ACK, seq=500, ack=700)
    peer.expect(RST, seq=700)
    scene.advance(ms=2)
    peer.expect(SYN, seq=0)
    peer.send(ACK, seq=500, ack=700)
    peer.expect(RST, seq=700)
    scene.advance(ms=900)
    peer.expect_nothing()


def test_a_syn_ack_that_echoes_none_of_our_timestamps_is_reset():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    sent = peer.expect(SYN)
    scene.advance(ms=20)
    for wrong in (sent.ts[0] - 1, sent.ts[0] + 21):
        peer.send(SYN | ACK, seq=0, ack=1, mss=1460, ts=(9, wrong & 0xFFFFFFFF))
        peer.expect(RST, seq=1)
    assert tcb.state == SYN_SENT and scene.counters.tcp_ext.PAWSActive == 2
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460, ts=(9, sent.ts[0]))
    assert tcb.state == ESTABLISHED


def test_the_ack_of_a_syn_ack_waits_for_the_text_that_a_writer_has_ready():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, _ = connecting(scene, peer)
    peer.expect(SYN)
    tcb.writers += 1
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    peer.expect_nothing()
    tcb.writers -= 1
    tcb.send(b"request", scene.now)
    peer.expect(ACK | PSH, seq=1, ack=1, payload=b"request")
    peer.expect_nothing()


def test_a_client_with_defer_accept_delays_its_ack():
    scene = Scene()
    settings = Settings()
    settings.defer_accept = 1
    peer = scene.peer(local_port=5000)
    connecting(scene, peer, settings)
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    peer.expect_nothing()
    scene.advance(ms=200)
    peer.expect(ACK, seq=1, ack=1)


@pytest.mark.parametrize("option, ms", [("delack_max_ns", 20), ("rto_min_ns", 21)])
def test_the_ack_of_a_handshake_waits_no_longer_than_the_socket_lets_it(option, ms):
    scene = Scene()
    settings = Settings()
    settings.defer_accept = 1
    setattr(settings, option, ms * MS)
    peer = scene.peer(local_port=5000)
    connecting(scene, peer, settings)
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460)
    scene.advance(ms=19)
    peer.expect_nothing()
    scene.advance(ms=1)
    peer.expect(ACK, seq=1, ack=1)


def test_shutdown_ends_an_attempt_and_whoever_waits_hears_econnreset():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    tcb, owner = connecting(scene, peer)
    peer.expect(SYN)
    tcb.shutdown_send(scene.now)
    assert tcb.state == CLOSED and owner.take() & POLLERR and tcb.take_error() == ECONNRESET
    peer.expect_nothing()
    assert scene.leaves_nothing()


def test_an_mss_is_told_by_the_link_and_not_by_the_path_mtu():
    scene = Scene()
    scene.sender.advmss = 1460
    scene.sender.mtu = 900
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460)
    assert peer.expect(SYN | ACK).mss == 1460


def test_a_simulation_that_connects_at_its_first_instant_has_a_sample():
    scene = Scene(tcp_timestamps=0)
    scene.now = 0
    peer = scene.peer(wrap=False)
    tcb, _ = peer.open_active()
    assert tcb.syn_sent_at == 0 and tcb.rtt.srtt > 0 and tcb.rtt.rto < SECOND


def test_rfc6298_5_7_the_fallback_heeds_the_maximum():
    scene = Scene(tcp_timestamps=0, tcp_rto_max_ms=1000)
    listener = scene.listen()
    peer = scene.peer()
    peer.send(SYN, seq=0)
    peer.expect(SYN | ACK)
    scene.advance(s=1)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now).rtt.rto == SECOND
