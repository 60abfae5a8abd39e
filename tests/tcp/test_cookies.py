"""SYN cookies (RFC 4987 3.6): a flooded listener remembers nothing and still opens connections."""

from types import SimpleNamespace

import pytest

from usernet.core.const import MASK32, MS, SECOND
from usernet.core.entropy import Entropy
from usernet.tcp.accecn import flags_of
from usernet.tcp.const import (
    ACK,
    CWR,
    ECE,
    ECN_ACCURATE,
    ECN_CLASSIC,
    ESTABLISHED,
    FIN,
    MSS4,
    MSS6,
    PSH,
    RST,
    SYN,
)  # fmt: skip
from usernet.tcp.cookies import SynCookies, stamp_with_options
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, FakeSender, Owner, Scene

MINUTE = 60 * SECOND
KEY4 = bytes(range(12))
KEY6 = bytes(range(36))


def cookies():
    return SynCookies(Entropy(b"cookies"))


def opened(peer, listener, **options):
    """SYN, the SYN,ACK with its cookie, the ACK; returns the answer and the accepted connection or None."""
    peer.send(SYN, seq=0, **options)
    answer = peer.expect(SYN | ACK, seq=0, ack=1)
    if answer.ts is not None:
        peer.ts = options["ts"][0] + 1
        peer.ts_recent = answer.ts[0]
    peer.send(ACK, seq=1, ack=1)
    return answer, listener.accept(peer.scene.now)


# The number itself.


@pytest.mark.parametrize("key, sizes", [(KEY4, MSS4), (KEY6, MSS6)])
def test_a_cookie_gives_back_the_largest_mss_that_does_not_exceed_the_offer(key, sizes):
    made = cookies()
    for offer in (100, *sizes, *(size + 1 for size in sizes), 65535):
        iss = made.sequence(key, 0xFFFFFFF0, offer, 5 * MINUTE)
        expected = max((size for size in sizes if size <= offer), default=sizes[0])
        assert made.mss_of(key, 0xFFFFFFF0, iss, 5 * MINUTE) == expected


def test_a_cookie_is_believed_for_two_minutes_begun():
    made = cookies()
    iss = made.sequence(KEY4, 7, 1460, 10 * MINUTE + 59 * SECOND)
    assert made.mss_of(KEY4, 7, iss, 11 * MINUTE + 59 * SECOND) == 1460
    assert made.mss_of(KEY4, 7, iss, 12 * MINUTE) == 0
    assert made.mss_of(KEY4, 7, iss, 9 * MINUTE) == 0


def test_the_minute_wraps_in_its_octet():
    made = cookies()
    iss = made.sequence(KEY4, 7, 1460, 255 * MINUTE)
    assert made.mss_of(KEY4, 7, iss, 256 * MINUTE) == 1460
    assert made.mss_of(KEY4, 7, iss, 257 * MINUTE) == 0


def test_a_guess_is_seldom_a_cookie():
    made = cookies()
    guess = Entropy(b"guess")
    assert sum(made.mss_of(KEY4, 7, guess.u32(), 5 * MINUTE) > 0 for _ in range(20_000)) == 0


def test_a_cookie_belongs_to_one_connection_one_syn_and_one_stack():
    made = cookies()
    iss = made.sequence(KEY4, 7, 1460, MINUTE)
    assert made.mss_of(KEY4[:-1] + b"\xff", 7, iss, MINUTE) == 0
    assert made.mss_of(KEY4, 1007, iss, MINUTE) == 0
    assert SynCookies(Entropy(b"other")).mss_of(KEY4, 7, iss, MINUTE) == 0


def test_a_cookie_stands_for_one_of_four_sizes():
    made = cookies()
    for key, sizes in ((KEY4, MSS4), (KEY6, MSS6)):
        iss = made.sequence(key, 7, 65535, MINUTE)
        found = [made.mss_of(key, 7, (iss + step) & MASK32, MINUTE) for step in range(-8, 9)]
        assert found == [0] * 5 + list(sizes) + [0] * 8


def test_cookies_of_one_place_grow_with_the_peers_isn():
    made = cookies()
    first = made.sequence(KEY4, 0xFFFFFFF0, 1460, MINUTE)
    for more in (1, 100, 0x20, 1 << 30):
        assert (made.sequence(KEY4, (0xFFFFFFF0 + more) & MASK32, 1460, MINUTE) - first) & MASK32 == more


def test_a_cookie_tells_nothing_of_the_next_minutes():
    made = cookies()
    low = {made.sequence(KEY4, 7, 1460, minute * MINUTE) & 0xFFFFFF for minute in range(256)}
    assert len(low) == 256


@pytest.mark.parametrize("ticks", [0, 63, 64, 1 << 20, (1 << 40) + 5])
@pytest.mark.parametrize("wscale, sack, ecn", [(-1, False, False), (0, True, False), (14, True, True)])
def test_a_stamp_tells_options_and_never_lies_in_the_future(ticks, wscale, sack, ecn):
    stamp = stamp_with_options(ticks, wscale, sack, ecn)
    assert ticks - 64 < stamp <= ticks
    assert stamp & 0x3F == (15 if wscale < 0 else wscale) | (sack << 4) | (ecn << 5)


# A listener that gives them out.


def test_a_full_queue_answers_with_a_cookie_and_keeps_nothing():
    scene = Scene()
    listener = scene.listen(backlog=3)
    for port in range(41000, 41100):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1460, sack_permitted=True, wscale=7, ts=(9, 0))
    ext = scene.counters.tcp_ext
    assert len(listener.requests) == 4 and ext.SyncookiesSent == ext.TCPReqQFullDoCookies == 96
    assert len(scene.sender.sent) == 100 and ext.TCPReqQFullDrop == ext.ListenDrops == 0
    assert len(list(scene.tcp.tcbs())) == 1 + 4


def test_the_ack_of_a_cookie_opens_the_connection():
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    answer, tcb = opened(peer, listener, mss=1300)
    assert tcb.state == ESTABLISHED and tcb.mss_clamp == 1300 and tcb.snd_wscale == tcb.rcv_wscale == 0
    assert not tcb.sack_ok and not tcb.ts_ok and answer.mss == 1460 and answer.wscale == -1
    assert scene.counters.tcp_ext.SyncookiesRecv == 1 and scene.counters.tcp.PassiveOpens == 1
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"hello")
    peer.expect(ACK, seq=1, ack=6)
    assert tcb.recv(9, False, scene.now) == b"hello" and tcb.send(b"there", scene.now) == 5
    peer.expect(ACK | PSH, seq=1, payload=b"there")


def test_text_may_come_with_the_cookie():
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK | PSH | FIN, seq=1, ack=1, payload=b"bye")
    scene.advance(ms=40)
    peer.expect(ACK, ack=5)
    assert listener.accept(scene.now).recv(9, False, scene.now) == b"bye"


def test_without_a_timestamp_only_the_mss_is_agreed():
    scene = Scene(tcp_syncookies=2)
    peer = scene.peer(wrap=False)
    scene.listen()
    peer.send(SYN, mss=1460, sack_permitted=True, wscale=7)
    assert peer.expect(SYN | ACK).options == b"\x02\x04\x05\xb4"


@pytest.mark.parametrize("wscale, sack", [(7, True), (0, False), (-1, True), (14, False)])
def test_options_come_back_in_the_timestamp(wscale, sack):
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    answer, tcb = opened(peer, listener, mss=1460, sack_permitted=sack, wscale=wscale, ts=(0xFFFFFFFE, 0))
    assert answer.ts[1] == 0xFFFFFFFE and (answer.wscale >= 0) == (wscale >= 0)
    assert tcb.ts_ok and tcb.sack_ok == sack
    assert tcb.snd_wscale == max(wscale, 0) and tcb.rcv_wscale == (10 if wscale >= 0 else 0)
    # The timestamp clock goes on from what the cookie said.
    assert tcb.send(b"x", scene.now) == 1
    sent = peer.expect(ACK | PSH)
    assert 0 <= (sent.ts[0] - answer.ts[0]) & MASK32 < 64


@pytest.mark.parametrize("ace", [0, 1, 2, 4, 6])
@pytest.mark.parametrize("ecn", range(6))
def test_rfc9768_5_1_what_the_ack_of_a_cookie_tells_of_ecn_counts_as_far_as_it_is_granted(ecn, ace):
    scene = Scene(tcp_syncookies=2, tcp_ecn=1)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    peer.send(SYN | ECE | CWR, mss=1460, ts=(9, 0))
    peer.ts, peer.ts_recent = 10, peer.expect(SYN | ACK | ECE).ts[0]
    scene.context.sysctl.set("net.ipv4.tcp_ecn", ecn)
    peer.send(ACK | flags_of(ace), seq=1, ack=1)
    granted = listener.accept(scene.now).ecn
    if ecn == 0:
        assert granted is None
    else:
        assert granted.mode == (ECN_ACCURATE if ecn >= 3 and ace >= 2 else ECN_CLASSIC)


def test_an_echo_that_claims_what_we_do_not_agree_to_is_reset():
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    peer.send(SYN, mss=1460, sack_permitted=True, ts=(5, 0))
    answer = peer.expect(SYN | ACK)
    scene.context.sysctl.set("net.ipv4.tcp_sack", 0)
    peer.send(ACK, seq=1, ack=1, ts=(6, answer.ts[0]))
    peer.expect(RST, seq=1)
    assert listener.accept(scene.now) is None


def test_a_forged_cookie_is_reset_and_counted():
    scene = Scene(tcp_syncookies=2)
    scene.listen()
    peer = scene.peer(wrap=False)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(ACK, seq=1, ack=0x01020304)
    peer.expect(RST, seq=0x01020304)
    assert scene.counters.tcp_ext.SyncookiesFailed == 1


def test_no_cookie_is_looked_at_unless_one_was_given_out_lately():
    scene = Scene()
    scene.listen()
    peer = scene.peer(wrap=False)
    peer.iss = 0
    peer.send(ACK, seq=1, ack=77)
    peer.expect(RST, seq=77)
    assert scene.counters.tcp_ext.SyncookiesFailed == 0
    scene.context.sysctl.set("net.ipv4.tcp_syncookies", 2)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    scene.advance(s=121)
    peer.send(ACK, seq=1, ack=1)
    peer.expect(RST)
    assert scene.counters.tcp_ext.SyncookiesFailed == 0 and scene.counters.tcp_ext.SyncookiesRecv == 0


def test_a_late_cookie_still_opens_within_its_age():
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen()
    peer = scene.peer(wrap=False)
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    scene.advance(s=55)
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now) is not None


def test_a_cookie_finds_no_place_in_a_full_accept_queue_and_is_not_reset():
    scene = Scene(tcp_syncookies=2)
    listener = scene.listen(backlog=1)
    peers = [scene.peer(remote_port=41000 + i, wrap=False) for i in range(3)]
    for peer in peers:
        peer.send(SYN, mss=1460)
        peer.expect(SYN | ACK)
    for peer in peers:
        peer.send(ACK, seq=1, ack=1)
        peer.expect_nothing()
    assert len(listener.accepted) == 2 and scene.counters.tcp_ext.ListenOverflows == 1
    # The peer sends on, and its next ACK gets in once there is room.
    listener.accept(scene.now)
    peers[2].send(ACK, seq=1, ack=1)
    assert len(listener.accepted) == 2


def test_syncookies_0_drops_what_the_queue_does_not_hold():
    scene = Scene(tcp_syncookies=0, tcp_max_syn_backlog=8)
    listener = scene.listen(backlog=100)
    for port in range(41000, 41010):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1460)
    # The last quarter is for peers known of old (Linux).
    assert len(listener.requests) == 7 and scene.counters.tcp_ext.ListenDrops == 3
    assert scene.counters.tcp_ext.SyncookiesSent == 0


def test_old_requests_go_sooner_the_fuller_the_queue_is():
    scene = Scene()
    listener = scene.listen(backlog=20)
    for port in range(41000, 41016):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1460)
    assert listener.young == 16
    scene.advance(s=8)
    # Two timeouts are enough while more than half of the queue is taken, and by none that is young.
    assert len(listener.requests) == 10 and listener.young == 0
    scene.advance(s=60)
    assert not listener.requests and scene.leaves_nothing()


def test_a_cookie_of_a_listener_bound_to_a_device_goes_by_it_and_opens_a_connection_there(monkeypatch):
    scene = Scene(tcp_syncookies=2)
    settings, asked, path = Settings(), [], FakeSender.path

    def noted(sender, dst, src, oif):
        asked.append((src, oif))
        return path(sender, dst, src, oif)

    settings.oif = 7
    listener = scene.listen(settings=settings)
    monkeypatch.setattr(FakeSender, "path", noted)
    peer = scene.peer(wrap=False)
    peer.device = SimpleNamespace(index=7)
    _, tcb = opened(peer, listener, mss=1460)
    assert asked == [(LOCAL, 7), (LOCAL, 7)] and tcb.settings.oif == 7


def test_a_listener_bound_to_an_address_believes_no_cookie_of_another():
    scene = Scene(tcp_syncookies=2)
    other = bytes((127, 0, 0, 1))
    listener = scene.tcp.listen(Owner(), scene.tcp.bind(LOCAL, 80, 4, 0), 128, Settings())
    peer = scene.peer(wrap=False)
    _, tcb = opened(peer, listener, mss=1300)
    assert tcb.local == LOCAL and tcb.mss_clamp == 1300
    # The same numbers at an address where nobody listens, and where somebody else does.
    stray = scene.peer(local=other, remote_port=40001, wrap=False)
    stray.send(SYN, seq=0, mss=1460)
    stray.expect(RST | ACK, ack=1)
    scene.tcp.listen(Owner(), scene.tcp.bind(other, 80, 4, 0), 128, Settings())
    peer = scene.peer(remote_port=40002, wrap=False)
    peer.send(SYN, seq=0, mss=1460)
    peer.expect(SYN | ACK)
    stray = scene.peer(local=other, remote_port=40002, wrap=False)
    stray.send(SYN, seq=0, mss=1460)
    stray.expect(SYN | ACK)
    stray.iss = peer.iss
    stray.send(ACK, seq=1, ack=1)
    stray.expect(RST)
    assert scene.counters.tcp_ext.SyncookiesFailed == 1


def test_cookies_leave_no_timer_and_no_memory():
    scene = Scene(tcp_syncookies=2)
    scene.listen()
    for port in range(41000, 41050):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1460, ts=(1, 0))
    assert scene.leaves_nothing() and scene.now // MS > 0


def test_a_cookie_offers_the_window_that_a_request_would():
    windows = set()
    for cookies in (0, 2):
        scene = Scene(tcp_syncookies=cookies)
        scene.listen()
        peer = scene.peer()
        peer.send(SYN, seq=0, mss=1460, ts=(1, 0), sack_permitted=True)
        windows.add(peer.expect(SYN | ACK).wnd)
    assert len(windows) == 1
