"""TCP Fast Open (RFC 7413): text in a SYN, that came and that goes."""

import pytest

from usernet.core.const import POLLIN, POLLOUT, SECOND
from usernet.core.entropy import Entropy
from usernet.core.sysctl import SysctlRegistry
from usernet.sockets.tcp_info import pack_tcp_info
from usernet.tcp.const import (
    ACK,
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    FIN,
    FIN_WAIT_1,
    PSH,
    RST,
    SYN,
    SYN_RECEIVED,
    TFO_COOKIE_UNAVAILABLE,
    TFO_DATA_NOT_ACKED,
    TFO_SYN_RETRANSMITTED,
)
from usernet.tcp.fastopen import FastOpenKeys, FastOpenQueue, FastOpens, parse_keys, print_keys
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, REMOTE, Owner, Scene
from usernet.wire.tcp import fastopen_option, syn_options

KEY = bytes.fromhex("a1a1a1a1b2b2b2b2c3c3c3c3d4d4d4d4")
COOKIE = bytes.fromhex("0102030405060708")
MSS = syn_options(1460, -1, False, None)
TFO_CHILD = 128  # of tcpi_options


# Keys and cookies.


def test_cookies_are_linux_own():
    # Bytes that a Linux server gives 192.0.2.1 at 192.168.0.1; packetdrill's corpora pin them.
    addresses = bytes((192, 0, 2, 1, 192, 168, 0, 1))
    assert FastOpenKeys(KEY).cookie(addresses).hex() == "3021b9d889017eeb"
    assert FastOpenKeys(bytes(16)).cookie(addresses).hex() == "b7c12350a90dc8f5"


def test_of_two_keys_the_first_makes_cookies_and_both_are_honoured():
    keys = FastOpenKeys(KEY + bytes(16))
    old = FastOpenKeys(bytes(16)).cookie(LOCAL + REMOTE)
    assert keys.cookie(LOCAL + REMOTE) == FastOpenKeys(KEY).cookie(LOCAL + REMOTE)
    assert keys.check(LOCAL + REMOTE, keys.cookie(LOCAL + REMOTE)) == 1
    assert keys.check(LOCAL + REMOTE, old) == 2 and keys.check(LOCAL + REMOTE, COOKIE) == 0


@pytest.mark.parametrize("n", [0, 8, 15, 17, 31, 33])
def test_a_key_of_another_length_is_refused(n):
    with pytest.raises(OSError):
        FastOpenKeys(bytes(n))


def test_keys_in_text():
    assert parse_keys("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4") == KEY
    assert parse_keys("1-2-3-4").hex() == "01000000020000000300000004000000"
    text = "00000001-00000002-00000003-00000004,a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"
    assert print_keys(parse_keys(text)) == text
    for wrong in ("", "1-2-3", "1-2-3-4-5", "x-2-3-4", "100000000-2-3-4", "1-2-3-4,", "-1-2-3-4"):
        with pytest.raises(OSError):
            parse_keys(wrong)


def test_blackholes_pause_twice_as_long_each_time():
    opens = FastOpens(SysctlRegistry(), Entropy(b"hole"))
    assert not opens.is_paused(10, 0)
    opens.blackholed(100)
    assert opens.is_paused(10, 109) and not opens.is_paused(10, 110) and not opens.is_paused(0, 101)
    opens.blackholed(200)
    assert opens.is_paused(10, 219) and not opens.is_paused(10, 220)
    for _ in range(70):
        opens.blackholed(300)
    assert opens.is_paused(10, 939) and not opens.is_paused(10, 940)
    opens.forgive()
    assert not opens.is_paused(10, 301)


def test_rfc7413_5_1_a_reset_fills_the_queue_for_a_minute():
    queue = FastOpenQueue()
    queue.pending = 1
    assert not queue.has_room(1, 0)
    queue.leave(True, 0)
    assert not queue.has_room(1, 59 * SECOND) and queue.has_room(1, 60 * SECOND)
    queue.pending = 1
    queue.leave(False, 0)
    assert queue.has_room(1, 0)


# A server.


def serving(limit=5, **sysctls):
    scene = Scene(tcp_fastopen=3, tcp_fastopen_key="a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", **sysctls)
    settings = Settings()
    settings.fastopen_limit = limit
    return scene, scene.listen(settings=settings)


def cookie_of(scene, peer):
    return scene.tcp.fast_opens.keys.cookie(peer.remote + peer.local)


def fast_syn(scene, peer, payload=b"hello", cookie=None, experimental=False):
    cookie = cookie_of(scene, peer) if cookie is None else cookie
    peer.send(SYN, seq=0, payload=payload, options=MSS + fastopen_option(cookie, experimental))


def opened_fast(payload=b"hello", **sysctls):
    """A connection that its SYN opened, accepted, before the SYN,ACK is acknowledged."""
    scene, listener = serving(**sysctls)
    peer = scene.peer()
    fast_syn(scene, peer, payload)
    peer.expect(SYN | ACK, seq=0, ack=1 + len(payload))
    tcb = listener.accept(scene.now)
    tcb.owner = Owner()
    return scene, listener, peer, tcb


@pytest.mark.parametrize("experimental", [False, True])
def test_a_cookie_is_given_to_who_asks(experimental):
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer, b"early", b"", experimental)
    answer = peer.expect(SYN | ACK, seq=0, ack=1)
    assert answer.options[len(MSS) :] == fastopen_option(cookie_of(scene, peer), experimental)
    assert not listener.accepted and scene.counters.tcp_ext.TCPFastOpenCookieReqd == 1
    # Once: the next answer is a plain one.
    scene.advance(s=1)
    assert peer.expect(SYN | ACK, ack=1).options == MSS


@pytest.mark.parametrize("experimental", [False, True])
def test_a_syn_with_its_cookie_opens_at_once(experimental):
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer, experimental=experimental)
    assert peer.expect(SYN | ACK, seq=0, ack=6).options == MSS
    assert listener.owner.take() & POLLIN
    tcb = listener.accept(scene.now)
    assert tcb.state == SYN_RECEIVED and tcb.poll() == POLLIN | POLLOUT
    assert tcb.recv(9, False, scene.now) == b"hello" and tcb.info()["options"] & 32
    assert tcb.send(b"world", scene.now) == 5
    peer.expect(ACK | PSH, seq=1, ack=6, payload=b"world")
    peer.send(ACK, seq=6, ack=6)
    assert tcb.state == ESTABLISHED and tcb.board.packets_out == 0 and listener.fast.pending == 0
    assert scene.counters.tcp_ext.TCPFastOpenPassive == 1 and tcb.info()["options"] & TFO_CHILD
    peer.expect_nothing()


def test_a_syn_with_its_cookie_and_no_text_may_be_written_to_at_once():
    scene, _, peer, tcb = opened_fast(b"")
    assert not tcb.info()["options"] & 32
    tcb.send(b"banner", scene.now)
    peer.expect(ACK | PSH, seq=1, ack=1, payload=b"banner")


def test_a_wrong_cookie_is_answered_with_the_right_one():
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer, cookie=COOKIE)
    answer = peer.expect(SYN | ACK, seq=0, ack=1)
    assert answer.options[len(MSS) :] == fastopen_option(cookie_of(scene, peer), False)
    assert not listener.accepted and scene.counters.tcp_ext.TCPFastOpenPassiveFail == 1
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"hello")
    assert listener.accept(scene.now).recv(9, False, scene.now) == b"hello"


def test_a_cookie_of_the_old_key_opens_and_brings_a_new_one():
    scene, listener = serving()
    peer = scene.peer()
    old = cookie_of(scene, peer)
    scene.context.sysctl.set("net.ipv4.tcp_fastopen_key", "1-2-3-4,a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4")
    fast_syn(scene, peer, cookie=old)
    answer = peer.expect(SYN | ACK, ack=6)
    assert (
        answer.options[len(MSS) :] == fastopen_option(cookie_of(scene, peer), False) and cookie_of(scene, peer) != old
    )
    assert len(listener.accepted) == 1 and scene.counters.tcp_ext.TCPFastOpenPassiveAltKey == 1


def test_a_listener_has_a_key_of_its_own_where_it_is_set():
    scene, listener = serving()
    listener.settings.fastopen_keys = FastOpenKeys(bytes(16))
    peer = scene.peer()
    fast_syn(scene, peer)
    peer.expect(SYN | ACK, ack=1)
    other = scene.peer(remote_port=41000, wrap=False)
    fast_syn(scene, other, cookie=FastOpenKeys(bytes(16)).cookie(other.remote + other.local))
    other.expect(SYN | ACK, ack=6)


def test_without_a_limit_or_the_sysctl_a_listener_knows_nothing_of_it():
    for scene, listener in (serving(limit=0), serving(tcp_fastopen_blackhole_timeout_sec=0)):
        if listener.settings.fastopen_limit:
            scene.context.sysctl.set("net.ipv4.tcp_fastopen", 1)
        peer = scene.peer()
        fast_syn(scene, peer)
        assert peer.expect(SYN | ACK, ack=1).options == MSS


def test_sysctl_0x400_serves_every_listener():
    scene = Scene(tcp_fastopen=0x402)
    listener = scene.listen(backlog=7)
    assert listener.settings.fastopen_limit == 7


def test_sysctl_0x200_takes_text_without_a_cookie():
    scene, listener = serving()
    scene.context.sysctl.set("net.ipv4.tcp_fastopen", "0x203")
    peer = scene.peer()
    peer.send(SYN, payload=b"hello", options=MSS)
    peer.expect(SYN | ACK, ack=6)
    assert len(listener.accepted) == 1
    plain = scene.peer(remote_port=41000, wrap=False)
    plain.send(SYN, options=MSS)
    plain.expect(SYN | ACK, ack=1)
    assert len(listener.accepted) == 1


def test_no_more_unproved_than_the_limit():
    scene, listener = serving(limit=1)
    peer, other = scene.peer(), scene.peer(remote_port=41000, wrap=False)
    fast_syn(scene, peer)
    peer.expect(SYN | ACK, ack=6)
    fast_syn(scene, other)
    assert other.expect(SYN | ACK, ack=1).options == MSS
    assert scene.counters.tcp_ext.TCPFastOpenListenOverflow == 1
    peer.send(ACK, seq=6, ack=1)
    third = scene.peer(remote_port=42000, wrap=False)
    fast_syn(scene, third)
    third.expect(SYN | ACK, ack=6)
    assert listener.fast.pending == 1


def test_a_reset_of_an_accepted_one_counts_on():
    scene, listener, peer, tcb = opened_fast()
    peer.send(RST, seq=6)
    assert tcb.state == CLOSED and listener.fast.pending == 1
    assert listener.fast.has_room(1, scene.now + 61 * SECOND)


def test_the_minute_a_reset_counts_begins_with_it():
    scene, listener, peer, _ = opened_fast()
    scene.advance(ms=700)
    peer.send(RST, seq=6)
    assert not listener.fast.has_room(1, scene.now + 60 * SECOND - 1)
    assert listener.fast.has_room(1, scene.now + 60 * SECOND)


def test_a_reset_of_one_not_accepted_leaves_what_came_readable():
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer)
    peer.expect(SYN | ACK)
    peer.send(RST, seq=6)
    tcb = listener.accept(scene.now)
    assert tcb.state == CLOSED and tcb.recv(9, False, scene.now) == b"hello" and listener.fast.pending == 0


def test_only_the_syn_ack_is_sent_again_until_it_is_acknowledged():
    scene, _, peer, tcb = opened_fast()
    tcb.send(b"world", scene.now)
    peer.expect(ACK | PSH, seq=1, payload=b"world")
    for gap in (1, 2):
        scene.advance(s=gap)
        assert peer.expect(SYN | ACK, seq=0, ack=6).options == MSS
        peer.expect_nothing()
    peer.send(ACK, seq=6, ack=1)
    assert tcb.state == ESTABLISHED and tcb.board.packets_out == 1
    # RFC 6298 5.7: nobody knows which SYN-ACK was answered.
    scene.advance(s=2.9)
    peer.expect_nothing()
    scene.advance(s=0.2)
    peer.expect(ACK | PSH, seq=1, payload=b"world")


def test_an_unproved_connection_gives_up_one_try_later_than_a_request():
    scene, listener, peer, tcb = opened_fast(tcp_synack_retries=1)
    scene.advance(s=1)
    peer.expect(SYN | ACK)
    scene.advance(s=2)
    peer.expect(SYN | ACK)
    scene.advance(s=4)
    assert tcb.state == CLOSED and listener.fast.pending == 0


def test_the_syn_again_brings_the_syn_ack_again():
    scene, _, peer, tcb = opened_fast()
    fast_syn(scene, peer)
    peer.expect(SYN | ACK, seq=0, ack=6)
    assert tcb.bytes_received == 5


def test_a_fin_may_go_before_the_peer_is_proved():
    scene, listener, peer, tcb = opened_fast()
    tcb.recv(9, False, scene.now)
    tcb.close(scene.now)
    assert tcb.state == FIN_WAIT_1
    peer.expect(ACK | FIN, seq=1, ack=6)
    scene.advance(s=1)
    peer.expect(SYN | ACK, seq=0, ack=6)
    peer.send(ACK | FIN, seq=6, ack=2)
    peer.expect(ACK, seq=2, ack=7)
    assert listener.fast.pending == 0
    scene.advance(s=61)
    assert len(list(scene.tcp.tcbs())) == 1


def test_a_fin_with_the_last_ack():
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer)
    peer.expect(SYN | ACK)
    peer.send(ACK | FIN, seq=6, ack=1)
    peer.expect(ACK, seq=1, ack=7) if scene.sender.sent else scene.advance(ms=1)
    assert listener.accept(scene.now).state == CLOSE_WAIT


def test_an_ack_of_something_never_sent_is_reset_and_proves_nothing():
    _, listener, peer, tcb = opened_fast()
    peer.send(ACK, seq=6, ack=99)
    peer.expect(RST, seq=99)
    assert tcb.state == SYN_RECEIVED and listener.fast.pending == 1


def test_closing_with_text_unread_resets():
    scene, listener, peer, tcb = opened_fast()
    tcb.close(scene.now)
    peer.expect(RST | ACK, seq=1, ack=6)
    assert listener.fast.pending == 0


def test_closing_the_listener_resets_what_nobody_accepted():
    scene, listener = serving()
    peer = scene.peer()
    fast_syn(scene, peer)
    peer.expect(SYN | ACK)
    listener.close(scene.now)
    peer.expect(RST | ACK, seq=1, ack=6)
    assert scene.leaves_nothing()


# A client.


def connecting(scene, octets, **settings_of):
    """connect() put off, then the SYN with text; returns (peer, connection, octets taken)."""
    settings = Settings()
    for name, value in settings_of.items():
        setattr(settings, name, value)
    peer = scene.peer(local_port=5000, wrap=False)
    binding = scene.tcp.bind(LOCAL, peer.local_port, 4, 1)
    tcb = scene.tcp.connect(Owner(), binding, REMOTE, peer.remote_port, settings, scene.now, True)
    scene.tcp.unbind(binding)
    return peer, tcb, tcb.open_fast(octets, scene.now)


def client_fail(scene, tcb):
    """tcpi_fastopen_client_fail, as it lies in the struct: two bits of its eighth octet."""
    return pack_tcp_info(tcb.info(scene.now), scene.now)[7] >> 1


def known(scene, cookie=COOKIE, mss=1460):
    entry = scene.tcp.peers.remember(REMOTE + LOCAL, scene.now)
    entry.cookie, entry.mss = cookie, mss
    return entry


def test_without_a_cookie_one_is_asked_for():
    scene = Scene(tcp_timestamps=0)
    peer, tcb, taken = connecting(scene, b"hello")
    sent = peer.expect(SYN, seq=0, length=0)
    assert taken == 0 and sent.options[-4:] == fastopen_option(b"", False) == b"\x22\x02\x01\x01"
    assert client_fail(scene, tcb) == TFO_COOKIE_UNAVAILABLE
    peer.send(SYN | ACK, seq=0, ack=1, options=MSS + fastopen_option(COOKIE, False))
    peer.expect(ACK, seq=1, ack=1)
    entry = scene.tcp.peers.recall(REMOTE + LOCAL, scene.now)
    assert entry.cookie == COOKIE and entry.mss == 1460 and tcb.state == ESTABLISHED


def test_with_a_cookie_the_syn_carries_text():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, tcb, taken = connecting(scene, bytes(4000))
    sent = peer.expect(SYN, seq=0, length=1420)
    assert taken == 1420 and sent.options.endswith(fastopen_option(COOKIE, False)) and sent.checksum_ok
    scene.advance(ms=20)
    peer.send(SYN | ACK, seq=0, ack=1421, options=MSS)
    peer.expect(ACK, seq=1421, ack=1)
    assert tcb.state == ESTABLISHED and tcb.board.packets_out == 0 and tcb.outq() == 0
    assert tcb.info()["options"] & 32 and tcb.info()["delivered"] == 1 and not tcb.info()["options"] & TFO_CHILD
    assert client_fail(scene, tcb) == 0
    assert scene.counters.tcp_ext.TCPFastOpenActive == 1 and tcb.info()["rtt"] == 20_000


@pytest.mark.parametrize(
    "mss, maxseg, mtu, room",
    [(940, 0, 1500, 900), (10000, 0, 1500, 1420), (1460, 1040, 1500, 1000), (1460, 0, 600, 520)],
)
def test_text_of_a_syn_fits_the_known_mss_maxseg_and_the_path(mss, maxseg, mtu, room):
    scene = Scene(tcp_timestamps=0, mtu=mtu)
    known(scene, mss=mss)
    peer, _, taken = connecting(scene, bytes(4000), maxseg=maxseg)
    peer.expect(SYN, length=room)
    assert taken == room


def test_a_syn_is_sent_again_without_cookie_and_text():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, tcb, _ = connecting(scene, b"hello")
    peer.expect(SYN, payload=b"hello")
    scene.advance(s=1)
    again = peer.expect(SYN, seq=0, length=0)
    assert len(again.options) == 12
    peer.send(SYN | ACK, seq=0, ack=1, options=MSS)
    peer.expect(ACK | PSH, seq=1, ack=1, payload=b"hello")
    peer.expect_nothing()
    assert scene.counters.tcp_ext.TCPFastOpenActiveFail == 1 and not tcb.info()["options"] & 32
    assert client_fail(scene, tcb) == TFO_SYN_RETRANSMITTED
    peer.send(ACK, seq=1, ack=6)
    assert tcb.outq() == 0 and scene.tcp.peers.recall(REMOTE + LOCAL, scene.now).cookie == COOKIE


def test_what_the_syn_ack_leaves_out_goes_at_once():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, tcb, _ = connecting(scene, b"0123456789")
    peer.expect(SYN, payload=b"0123456789")
    peer.send(SYN | ACK, seq=0, ack=5, options=MSS)
    peer.expect(ACK | PSH, seq=5, ack=1, payload=b"456789")
    peer.expect_nothing()
    assert tcb.cc.cwnd >= 10 and client_fail(scene, tcb) == TFO_DATA_NOT_ACKED


def test_a_syn_ack_of_too_much_is_reset_and_teaches_nothing():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, _, _ = connecting(scene, b"hello")
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=7, options=syn_options(800, -1, False, None) + fastopen_option(bytes(8), False))
    peer.expect(RST, seq=7)
    entry = scene.tcp.peers.recall(REMOTE + LOCAL, scene.now)
    assert entry.cookie == COOKIE and entry.mss == 1460


def test_syns_with_text_that_got_lost_are_counted_until_one_gets_through():
    scene = Scene(tcp_timestamps=0)
    entry = known(scene)
    for answer, drops in ((MSS, 1), (MSS, 2), (MSS + fastopen_option(COOKIE, False), 0)):
        peer, tcb, _ = connecting(scene, b"hello")
        peer.expect(SYN, payload=b"hello")
        scene.advance(ms=1100)
        peer.expect(SYN, length=0)
        peer.send(SYN | ACK, seq=0, ack=1, options=answer)
        assert entry.syn_drops == drops
        if drops:
            assert entry.syn_dropped_at == scene.now
        tcb.abort(scene.now)
        scene.sender.sent.clear()


def test_a_refused_request_tries_the_experimental_option_once():
    scene = Scene(tcp_timestamps=0)
    for experimental in (False, True, False, False):
        peer, tcb, _ = connecting(scene, b"")
        assert peer.expect(SYN).options.endswith(fastopen_option(b"", experimental))
        peer.send(SYN | ACK, seq=0, ack=1, options=MSS)
        peer.expect(ACK)
        tcb.abort(scene.now)
        scene.sender.sent.clear()


@pytest.mark.parametrize("cookie", [bytes(2), bytes(18), bytes(5)])
def test_a_cookie_of_a_wrong_length_is_not_kept(cookie):
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, _, _ = connecting(scene, b"hello")
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=6, options=MSS + fastopen_option(cookie, False))
    assert scene.tcp.peers.recall(REMOTE + LOCAL, scene.now).cookie == COOKIE


def test_a_cookie_nobody_asked_for_is_not_kept():
    scene = Scene(tcp_timestamps=0, tcp_fastopen=5)
    peer, _, _ = connecting(scene, b"hello")
    assert len(peer.expect(SYN, payload=b"hello").options) == 12
    peer.send(SYN | ACK, seq=0, ack=6, options=MSS + fastopen_option(COOKIE, False))
    assert scene.tcp.peers.recall(REMOTE + LOCAL, scene.now).cookie == b""


def test_crossing_syns_open_and_no_text_is_lost():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, tcb, _ = connecting(scene, b"hello")
    peer.expect(SYN, payload=b"hello")
    peer.send(SYN, seq=0, payload=b"early", options=MSS)
    peer.expect(SYN | ACK, seq=0, ack=1, length=0)
    peer.send(SYN | ACK, seq=0, ack=6, options=MSS)
    assert tcb.state == ESTABLISHED and tcb.outq() == 0
    peer.drain()
    peer.send(ACK | PSH, seq=1, ack=6, payload=b"early")
    assert tcb.recv(9, False, scene.now) == b"early"


def test_after_crossing_syns_a_plain_ack_brings_nobody_elses_cookie():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    scene.listen(8080)
    peer, tcb, _ = connecting(scene, b"hello")
    peer.expect(SYN, payload=b"hello")
    peer.send(SYN, seq=0, options=MSS)
    peer.expect(SYN | ACK, seq=0, ack=1, length=0)
    other = scene.peer(local_port=8080, remote_port=7, wrap=False)
    other.send(SYN, seq=0, options=b"\2\4\0\144" + fastopen_option(b"foreign!", False))
    before = scene.tcp.peers.recall(REMOTE + LOCAL, scene.now)
    mss = before.mss
    peer.send(ACK, seq=1, ack=6)
    entry = scene.tcp.peers.recall(REMOTE + LOCAL, scene.now)
    assert tcb.state == ESTABLISHED and (entry.cookie, entry.mss) == (COOKIE, mss)


def test_a_syn_that_does_not_fit_the_path_goes_again_plain():
    scene = Scene(tcp_timestamps=0)
    known(scene)
    peer, _, _ = connecting(scene, bytes(1000))
    peer.expect(SYN, length=1000)
    peer.icmp(0, 90, info=600)
    again = peer.expect(SYN, seq=0, length=0)
    assert again.mss == 560 and len(again.options) == 12
    peer.send(SYN | ACK, seq=0, ack=1, options=MSS)
    assert sum(len(sent.payload) for sent in peer.drain()) == 1000


def test_three_lost_syns_are_a_blackhole():
    scene = Scene(tcp_timestamps=0, tcp_fastopen_blackhole_timeout_sec=10)
    known(scene)
    peer, _, _ = connecting(scene, b"hello")
    scene.advance(s=3)
    assert scene.counters.tcp_ext.TCPFastOpenBlackhole == 1
    scene.sender.sent.clear()
    other, _, taken = connecting_again(scene)
    assert taken == 0 and len(other.expect(SYN, length=0).options) == 12
    scene.advance(s=11)
    scene.sender.sent.clear()
    third, _, taken = connecting_again(scene, 5002)
    assert taken == 5 and third.expect(SYN).payload == b"hello"
    assert peer is not third


def connecting_again(scene, port=5001):
    peer = scene.peer(local_port=port, wrap=False)
    binding = scene.tcp.bind(LOCAL, port, 4, 1)
    tcb = scene.tcp.connect(Owner(), binding, REMOTE, peer.remote_port, Settings(), scene.now, True)
    return peer, tcb, tcb.open_fast(b"hello", scene.now)


def test_a_reset_right_after_the_handshake_is_a_blackhole():
    scene = Scene(tcp_timestamps=0, tcp_fastopen_blackhole_timeout_sec=10)
    known(scene)
    peer, _, _ = connecting(scene, b"hello")
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=6, options=MSS)
    peer.send(RST, seq=1)
    assert scene.counters.tcp_ext.TCPFastOpenBlackhole == 1


def test_a_connection_put_off_says_it_may_be_written_to():
    scene = Scene()
    known(scene)
    binding = scene.tcp.bind(LOCAL, 5000, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, REMOTE, 80, Settings(), scene.now, True)
    assert tcb.may_open_fast(scene.now) and tcb.poll() & POLLOUT and not scene.sender.sent
    tcb.close(scene.now)
    scene.tcp.unbind(binding)
    assert scene.leaves_nothing() and not scene.sender.sent
