"""Opening a connection: passive, active, simultaneous; queues, retries, refusals."""

from errno import EADDRNOTAVAIL, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT

import pytest

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLOUT, SECOND
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN, SYN_RECEIVED, SYN_SENT
from usernet.tcp.forward import Forwarder
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


def test_syn_ack_is_retransmitted_then_forgotten():
    scene = Scene(tcp_synack_retries=2)
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    for gap in (1, 2):
        scene.advance(s=gap)
        peer.expect(SYN | ACK, seq=0, ack=1)
    scene.advance(s=4)
    peer.expect_nothing()
    assert scene.leaves_nothing() and scene.counters.tcp.AttemptFails == 1


def test_a_repeated_syn_gets_its_syn_ack_again_at_a_limited_rate():
    scene = Scene()
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK, seq=0, ack=1)
    peer.send(SYN, mss=1460)
    peer.expect_nothing()
    scene.advance(ms=600)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK, seq=0, ack=1)


def test_listen_ignores_rst_resets_ack_and_drops_syn_fin():
    scene = Scene()
    peer = scene.peer()
    scene.listen()
    peer.send(RST, seq=0)
    peer.expect_nothing()
    peer.iss = 0
    peer.send(ACK, seq=0, ack=99)
    peer.expect(RST, seq=99)
    peer.send(SYN | FIN, seq=0)
    peer.expect_nothing()


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


def test_request_rejects_a_wrong_ack_with_rst_and_lives():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=55)
    peer.expect(RST, seq=55)
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now) is not None


def test_a_request_with_room_for_more_offers_what_an_unscaled_window_can_tell():
    scene = Scene()
    scene.context.sysctl.set("net.ipv4.tcp_rmem", "4096 540000 15728640")
    scene.listen()
    peer = scene.peer()
    peer.send(SYN, seq=0, mss=1460)
    assert peer.expect(SYN | ACK).wnd == 65535
    peer.send(SYN, seq=100)
    assert peer.expect(ACK, seq=1, ack=1).wnd == 65535


def test_rfc5961_request_is_reset_only_by_the_exact_number():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    scene.advance(ms=600)
    peer.send(RST, seq=100)
    peer.expect(ACK, seq=1, ack=1)
    peer.send(RST, seq=70000)
    peer.expect_nothing()
    peer.send(RST, seq=1)
    assert not listener.requests and scene.counters.tcp_ext.EmbryonicRsts == 1
    assert scene.leaves_nothing()


def test_data_with_the_last_ack_of_the_handshake():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"GET /")
    peer.expect(ACK, ack=6)
    assert listener.accept(scene.now).recv(100, False, scene.now) == b"GET /"


def test_accept_queue_is_bounded_by_backlog_and_somaxconn():
    scene = Scene(somaxconn=2)
    listener = scene.listen(backlog=100)
    assert listener.backlog == 2
    for port in range(41000, 41003):
        peer = scene.peer(remote_port=port, wrap=False)
        peer.send(SYN, mss=1460)
        peer.expect(SYN | ACK)
        peer.send(ACK, seq=1, ack=1)
    late = scene.peer(remote_port=42000, wrap=False)
    late.send(SYN, mss=1460)
    late.expect_nothing()
    assert scene.counters.tcp_ext.ListenOverflows == 1 and scene.counters.tcp_ext.ListenDrops == 1
    while (tcb := listener.accept(scene.now)) is not None:
        tcb.abort(scene.now)
        tcb.close(scene.now)
    scene.sender.sent.clear()
    late.send(SYN, mss=1460)
    late.expect(SYN | ACK)


def test_a_full_accept_queue_lets_the_handshake_finish_later():
    scene = Scene(tcp_syncookies=0)
    listener = scene.listen(backlog=0)
    first = scene.peer(remote_port=41000, wrap=False)
    second = scene.peer(remote_port=41001, wrap=False)
    for peer in (first, second):
        peer.send(SYN, mss=1460)
        if peer is first:
            peer.expect(SYN | ACK)
    second.expect_nothing()
    first.send(ACK, seq=1, ack=1)
    assert len(listener.accepted) == 1


def test_syn_queue_is_bounded():
    scene = Scene(tcp_syncookies=0)
    listener = scene.listen(backlog=3)
    for port in range(41000, 41010):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1460)
    assert len(listener.requests) == 4 and scene.counters.tcp_ext.TCPReqQFullDrop == 6


def test_closing_a_listener_resets_what_nobody_accepted():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    other = scene.peer(remote_port=41000, wrap=False)
    other.send(SYN, mss=1460)
    other.expect(SYN | ACK)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    listener.close(scene.now)
    peer.expect(RST | ACK, seq=1)
    peer.expect_nothing()
    assert scene.leaves_nothing()


def test_connect_reports_an_unreachable_route_at_once():
    scene = Scene()
    scene.sender.unreachable = EHOSTUNREACH
    with pytest.raises(OSError) as error:
        scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now)
    assert error.value.errno == EHOSTUNREACH
    assert scene.leaves_nothing()


def test_defer_accept_waits_for_text():
    scene = Scene()
    settings = Settings()
    settings.defer_accept = 1
    peer = scene.peer()
    listener = scene.listen(settings=settings)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now) is None and scene.counters.tcp_ext.TCPDeferAcceptDrop == 1
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x")
    assert listener.accept(scene.now) is not None


class Gate(Forwarder):
    def __init__(self):
        self.requests = []

    def syn(self, request, now):
        self.requests.append(request)


def test_forwarder_accepts_for_a_foreign_address():
    scene = Scene()
    gate = scene.tcp.forwarder = Gate()
    peer = scene.peer(local=bytes((93, 184, 216, 34)), local_port=443)
    peer.send(SYN, mss=1400, ts=(5, 0), wscale=7)
    peer.expect_nothing()
    peer.send(SYN, mss=1400, ts=(6, 0), wscale=7)
    assert len(gate.requests) == 1
    request = gate.requests[0]
    assert (request.local, request.local_port) == (bytes((93, 184, 216, 34)), 443)
    assert (request.remote, request.remote_port) == (REMOTE, 40000)
    owner = Owner()
    tcb = request.accept(owner, Settings(), scene.now)
    assert tcb.state == SYN_RECEIVED
    peer.expect(SYN | ACK, seq=0, ack=1)
    scene.advance(s=1)
    again = peer.expect(SYN | ACK, seq=0, ack=1)
    peer.ts = 7
    peer.ts_recent = again.ts[0]
    peer.send(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED and owner.take() & POLLOUT
    with pytest.raises(OSError):
        request.reject(scene.now)
    tcb.abort(scene.now)
    assert scene.leaves_nothing()


def test_forwarder_rejects_drops_or_forgets():
    scene = Scene()
    gate = scene.tcp.forwarder = Gate()
    peer = scene.peer(local_port=443)
    peer.send(SYN, seq=0)
    gate.requests.pop().reject(scene.now)
    peer.expect(RST | ACK, ack=1)
    peer.send(SYN, seq=0)
    gate.requests.pop().drop()
    peer.expect_nothing()
    peer.send(SYN, seq=0)
    peer.send(RST, seq=1)
    with pytest.raises(OSError):
        gate.requests.pop().accept(Owner(), Settings(), scene.now)
    peer.send(SYN, seq=0)
    scene.advance(s=61)
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


def test_accepted_requests_do_not_count_as_undecided():
    scene = Scene()
    gate = scene.tcp.forwarder = Gate()
    peer = scene.peer(local_port=443)
    for i in range(5000):  # more than may be undecided at once
        peer.remote_port = 1024 + i
        peer.send(SYN, mss=1460)
        gate.requests.pop().accept(Owner(), Settings(), scene.now).abort(scene.now)
    assert "tcp_forward_full" not in scene.counters.drops and scene.leaves_nothing()


def test_rfc7323_2_2_a_small_receive_buffer_still_offers_window_scaling():
    scene = Scene()
    peer = scene.peer(local_port=5000)
    settings = Settings()
    settings.rcvbuf = 65536
    tcb, _ = connecting(scene, peer, settings)
    assert peer.expect(SYN).wscale == 0
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460, wscale=7)
    assert tcb.snd_wscale == 7


def test_a_forwarder_that_takes_a_name_out_of_time_wait_leaves_it_uncounted():
    scene = Scene(tcp_max_tw_buckets=1)
    gate = scene.tcp.forwarder = Gate()
    peer = scene.peer(local_port=443)

    def one(start):
        peer.send(SYN, seq=start)
        tcb = gate.requests.pop().accept(Owner(), Settings(), scene.now)
        peer.iss = None
        peer.expect(SYN | ACK)
        peer.send(ACK, seq=start + 1, ack=1)
        tcb.close(scene.now)
        peer.expect(ACK | FIN, seq=1)
        peer.send(ACK | FIN, seq=start + 1, ack=2)
        peer.expect(ACK)

    one(0)
    one(100_000)
    one(200_000)
    # A leaked count would have let the second one find no place.
    assert scene.counters.tcp_ext.TCPTimeWaitOverflow == 0 and scene.counters.tcp_ext.TW == 3
    scene.advance(s=61)
    assert scene.leaves_nothing()


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


def test_deferred_requests_are_told_again_only_at_the_end():
    scene = Scene()
    settings = Settings()
    settings.defer_accept = 5  # three timeouts: 1 + 2 + 4 s
    peer = scene.peer()
    listener = scene.listen(settings=settings)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=1)
    scene.advance(s=6.9)
    peer.expect_nothing()
    scene.advance(s=0.2)
    peer.expect(SYN | ACK)
    # A bare ACK is enough now.
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now) is not None


def test_save_syn_keeps_the_headers_of_the_syn():
    scene = Scene()
    settings = Settings()
    settings.save_syn = 1
    peer = scene.peer()
    listener = scene.listen(settings=settings)
    tcb, _ = peer.open_passive(listener, mss=1337)
    assert tcb.saved_syn.endswith(b"\x02\x04\x05\x39") and len(tcb.saved_syn) >= 24


def test_abort_on_overflow_resets_what_does_not_fit():
    scene = Scene(tcp_abort_on_overflow=1)
    listener = scene.listen(backlog=0)
    late = scene.peer(remote_port=41001, wrap=False)
    late.send(SYN, mss=1460)
    late.expect(SYN | ACK)
    for port in (41002, 41003):
        scene.context.sysctl.set("net.ipv4.tcp_syncookies", 2)
        peer = scene.peer(remote_port=port, wrap=False)
        peer.send(SYN, mss=1460)
        if port == 41002:
            peer.expect(SYN | ACK)
            peer.send(ACK, seq=1, ack=1)
    assert len(listener.accepted) == 1
    scene.sender.sent.clear()
    late.send(ACK, seq=1, ack=1)
    late.expect(RST, seq=1)
    assert not listener.requests


def test_an_mss_is_told_by_the_link_and_not_by_the_path_mtu():
    scene = Scene()
    scene.sender.advmss = 1460
    scene.sender.mtu = 900
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460)
    assert peer.expect(SYN | ACK).mss == 1460


def test_a_listener_bound_to_an_interface_hears_that_one_only():
    scene = Scene()
    settings = Settings()
    settings.oif = 3
    peer = scene.peer()
    scene.listen(settings=settings)
    peer.send(SYN, seq=0)
    peer.expect(RST | ACK, ack=1)


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
