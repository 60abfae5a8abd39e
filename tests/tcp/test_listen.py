"""Those who are asked: SYN queue and accept queue, deferred accepting, and forwarders (RFC 9293 3.10.7.2)."""

import pytest

from usernet.core.const import POLLOUT
from usernet.tcp.const import ACK, ESTABLISHED, FIN, PSH, RST, SYN, SYN_RECEIVED
from usernet.tcp.forward import Forwarder
from usernet.tcp.settings import Settings
from usernet.testing.peer import REMOTE, Owner, Scene


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
    # RFC 7323 2.2: what lies beyond that window is outside, however much room there is.
    peer.send(SYN, seq=70_000)
    assert peer.expect(ACK, seq=1, ack=1).wnd == 65535


def test_rfc9293_3_10_7_4_a_syn_in_the_window_ends_a_request_and_is_reset():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(SYN, seq=500, mss=1460)
    peer.expect(RST | ACK, ack=501)
    assert not listener.requests and scene.counters.tcp_ext.EmbryonicRsts == 1 and scene.counters.tcp.OutRsts == 1
    # The port listens on.
    peer.send(SYN, seq=500, mss=1460)
    peer.expect(SYN | ACK, ack=501)
    assert len(listener.requests) == 1


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


def test_accepted_requests_do_not_count_as_undecided():
    scene = Scene()
    gate = scene.tcp.forwarder = Gate()
    peer = scene.peer(local_port=443)
    for i in range(5000):  # more than may be undecided at once
        peer.remote_port = 1024 + i
        peer.send(SYN, mss=1460)
        gate.requests.pop().accept(Owner(), Settings(), scene.now).abort(scene.now)
    assert "tcp_forward_full" not in scene.counters.drops and scene.leaves_nothing()


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


def test_a_listener_bound_to_an_interface_hears_that_one_only():
    scene = Scene()
    settings = Settings()
    settings.oif = 3
    peer = scene.peer()
    scene.listen(settings=settings)
    peer.send(SYN, seq=0)
    peer.expect(RST | ACK, ack=1)
