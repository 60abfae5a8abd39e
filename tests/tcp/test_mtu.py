"""The path MTU: found by probing (RFC 4821, RFC 8899), by ICMP that is worth believing (RFC 1191, RFC 5927)."""

from errno import ECONNREFUSED, EHOSTUNREACH, EMSGSIZE

import pytest

from usernet.core.const import POLLERR
from usernet.tcp.const import ACK, CA_LOSS, CA_OPEN, ESTABLISHED, FIN, MSG_EOR, PSH, SYN, SYN_SENT
from usernet.tcp.output import output, push_one
from usernet.tcp.settings import Settings
from usernet.testing.peer import FakeSender, Owner, Scene
from usernet.testing.wire import B, Pair


class Tunnel(Pair):
    """Packets larger than ``narrow`` vanish without a word."""

    narrow = 65535

    def _fly(self, dst, packet):
        if packet.length() - 8 + 20 <= self.narrow:
            super()._fly(dst, packet)
        else:
            self.lost += 1


def session(pair, **sysctls):
    for end in pair.contexts.values():
        for name, value in sysctls.items():
            end.sysctl.set("net.ipv4." + name, value)
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 80, 4, 1), 10, Settings())
    tcb = pair.a.connect(Owner(), None, B, 80, Settings(), pair.now)
    pair.run(ms=100)
    return tcb, listener.accept(pair.now)


def transfer(pair, tcb, child, size, seconds):
    left, got = bytes(size), 0
    for _ in range(seconds * 10):
        left = left[max(tcb.send(left, pair.now), 0) :] if left else left
        pair.run(ms=100)
        got += len(child.recv(1 << 24, False, pair.now) or b"")
        if got == size:
            break
    return got


def test_rfc4821_7_7_a_black_hole_is_found_without_icmp():
    pair = Tunnel(gso_max=0)
    tcb, child = session(pair, tcp_mtu_probing=1)
    assert not tcb.mtu.is_on
    pair.narrow = 1300
    assert transfer(pair, tcb, child, 300_000, 60) == 300_000
    assert tcb.mtu.is_on and 1024 <= tcb.mss <= 1300 - 52


def test_a_very_narrow_black_hole_is_found_by_halving():
    pair = Tunnel(gso_max=0)
    tcb, child = session(pair, tcp_mtu_probing=1)
    pair.narrow = 400
    assert transfer(pair, tcb, child, 20_000, 200) == 20_000
    assert tcb.mss <= 400 - 52


def test_without_probing_a_black_hole_holds_for_ever():
    pair = Tunnel(gso_max=0)
    tcb, child = session(pair)
    pair.narrow = 1300
    assert transfer(pair, tcb, child, 30_000, 100) == 0 and tcb.state == ESTABLISHED


def test_rfc4821_7_3_the_search_finds_what_fits():
    pair = Tunnel(gso_max=0)
    pair.narrow = 1400
    tcb, child = session(pair, tcp_mtu_probing=2)
    assert transfer(pair, tcb, child, 3_000_000, 60) == 3_000_000
    ext = pair.a.ext
    assert ext.TCPMTUPSuccess >= 2 and ext.TCPMTUPFail >= 2
    assert 1400 - 8 - 52 <= tcb.mss <= 1400 - 52


def test_rfc4821_7_6_2_a_lost_probe_is_no_congestion():
    pair = Tunnel(gso_max=0)
    tcb, child = session(pair, tcp_mtu_probing=2, tcp_base_mss=1200)
    pair.narrow = 1270
    assert transfer(pair, tcb, child, 2_000_000, 60) == 2_000_000
    assert pair.a.ext.TCPMTUPFail > 0 and pair.a.ext.TCPSackRecovery == 0 and pair.a.ext.TCPTimeouts == 0


def test_a_search_that_has_ended_begins_anew_after_the_interval():
    pair = Tunnel(gso_max=0)
    pair.narrow = 1200
    tcb, child = session(pair, tcp_mtu_probing=2, tcp_probe_interval=30)
    transfer(pair, tcb, child, 2_000_000, 60)
    assert tcb.mss <= 1148
    pair.narrow = 1500
    pair.run(s=31)
    transfer(pair, tcb, child, 3_000_000, 60)
    assert tcb.mss > 1400


def opened(scene=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(), **options)
    return scene, peer, tcb, owner


def test_a_probe_stands_for_two_segments_and_is_one():
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene)
    tcb.cc.cwnd = 11
    scene.sender.new_mtu(1500)
    tcb.send(bytes(4000), scene.now)
    assert [len(sent.payload) for sent in peer.drain()] == [986, 600, 600, 600, 600, 600, 14]
    assert tcb.cc.cwnd == 10
    peer.send(ACK, seq=1, ack=4001)
    assert scene.counters.tcp_ext.TCPMTUPSuccess == 1 and tcb.mss == 986
    # As many octets as before, and slow start for seven segments.
    assert tcb.cc.cwnd == 10 * 640 // 1026 + 7
    tcb.send(bytes(2000), scene.now)
    assert [len(sent.payload) for sent in peer.drain()] == [986, 986, 28]


def test_ssthresh_too_is_counted_in_the_new_segments():
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene)
    tcb.cc.cwnd, tcb.cc.ssthresh, tcb.cc.cwnd_cnt = 41, 5, 4
    scene.sender.new_mtu(1500)
    tcb.send(bytes(4000), scene.now)
    peer.send(ACK, seq=1, ack=4001)
    assert scene.counters.tcp_ext.TCPMTUPSuccess == 1 and tcb.cc.cwnd == 40 * 640 // 1026
    # Three quarters of the window, as Linux keeps it.
    assert tcb.cc.ssthresh == 18 and tcb.cc.cwnd_cnt == 0


def test_a_lost_probe_bounds_the_search_and_costs_no_window():
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene, sack_permitted=True)
    tcb.cc.cwnd, tcb.cc.ssthresh = 41, 1000
    scene.sender.new_mtu(1500)
    tcb.send(bytes(4000), scene.now)
    assert len(peer.drain()[0].payload) == 986 and tcb.cc.cwnd == 40
    peer.send(ACK, seq=1, ack=1, sack=[(987, 4001)])
    assert [(x.seq, len(x.payload)) for x in peer.drain()] == [(1, 600), (601, 386)]
    assert tcb.cc.cwnd == 41 and tcb.cc.ssthresh == 1000 and scene.counters.tcp_ext.TCPMTUPFail == 1
    peer.send(ACK, seq=1, ack=4001)
    assert tcb.ca_state == CA_OPEN and tcb.cc.cwnd == 41
    # The next one lies halfway between what fits and what did not.
    tcb.send(bytes(8000), scene.now)
    assert [len(x.payload) for x in peer.drain()][:2] == [(552 + 1025) // 2 - 40, 600]


NEEDED = 4 * 600 + 986


@pytest.mark.parametrize(
    ("octets", "wnd", "cwnd", "held", "probes"),
    [
        (NEEDED, 65535, 11, False, True),
        (NEEDED - 1, 65535, 11, False, False),
        (NEEDED, NEEDED, 11, False, True),
        (NEEDED, NEEDED - 1, 11, False, False),
        (NEEDED, 65535, 10, False, False),
        (NEEDED, 65535, 11, True, False),
    ],
)
def test_rfc4821_7_4_when_a_probe_may_leave(octets, wnd, cwnd, held, probes):
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene, sack_permitted=True)
    tcb.cc.cwnd = cwnd
    scene.sender.new_mtu(1500)
    if held:
        # Its ACKs have SACK blocks, which would make the probe longer.
        peer.send(ACK, seq=5, ack=1, payload=b"gap")
    else:
        peer.send(ACK, seq=1, ack=1, payload=b"x")
        peer.send(ACK, seq=2, ack=1, payload=b"y", wnd=wnd)
    peer.drain()
    tcb.send(bytes(octets), scene.now)
    sizes = [len(sent.payload) for sent in peer.drain()]
    assert sizes[0] == (986 if probes else 588 if held else 600)
    assert tcb.mtu.probe_size == (1026 if probes else 0)


def test_a_probe_waits_for_a_window_that_only_needs_to_drain():
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene)
    tcb.cc.cwnd = 11
    tcb.settings.nodelay = True
    for _ in range(10):
        tcb.send(bytes(100), scene.now)
    assert len(peer.drain()) == 10
    scene.sender.new_mtu(1500)
    tcb.send(bytes(NEEDED), scene.now)
    peer.expect_nothing()
    peer.send(ACK, seq=1, ack=101)
    assert len(peer.expect(ACK, seq=1001).payload) == 986


def test_rfc1191_6_5_only_what_is_too_long_goes_again_and_at_once():
    scene, peer, tcb, _ = opened(sack_permitted=True)
    tcb.send(bytes(1000), scene.now)
    tcb.send(bytes(1460), scene.now)
    tcb.settings.nodelay = True
    tcb.send(bytes(500), scene.now)
    peer.drain()
    before = tcb.cc.cwnd
    peer.icmp(1001, EMSGSIZE, code=4, info=1240)
    assert tcb.mss == 1200 and tcb.ca_state == CA_LOSS and tcb.cc.cwnd == before
    again = peer.drain()
    assert [(x.seq, len(x.payload)) for x in again] == [(1001, 1200), (2201, 260)]


def test_rfc5927_7_2_an_mtu_no_smaller_than_what_is_sent_is_not_believed():
    scene, peer, tcb, _ = opened(mss=1000)
    tcb.send(bytes(1000), scene.now)
    peer.drain()
    peer.icmp(1, EMSGSIZE, code=4, info=1040)
    assert scene.sender.mtu == 1500 and scene.counters.drops["tcp_mtu_not_smaller"] == 1
    peer.expect_nothing()


def test_rfc5927_4_an_mtu_for_a_segment_that_is_not_in_flight_is_not_believed():
    scene, peer, tcb, _ = opened()
    tcb.send(bytes(1460), scene.now)
    peer.drain()
    for seq in (0, 1461, 5000, -100):
        peer.icmp(seq, EMSGSIZE, code=4, info=600)
    assert tcb.mss == 1460 and scene.sender.mtu == 1500 and scene.counters.tcp_ext.OutOfWindowIcmps == 4


def test_an_absurd_mtu_is_bounded_by_min_snd_mss():
    scene, peer, tcb, _ = opened(ts=(1, 0))
    tcb.send(bytes(1448), scene.now)
    peer.drain()
    peer.icmp(1, EMSGSIZE, code=4, info=1)
    assert tcb.mss == 48 - 12
    assert all(len(sent.payload) <= 36 for sent in peer.drain())


def test_errors_end_an_opening_and_no_open_connection():
    scene = Scene()
    peer = scene.peer()
    tcb = scene.tcp.connect(Owner(), None, peer.remote, 40000, Settings(), scene.now)
    peer.local_port = tcb.local_port
    peer.expect(SYN)
    peer.icmp(0, ECONNREFUSED, code=3)
    assert tcb.state != SYN_SENT and tcb.take_error() == ECONNREFUSED
    scene, peer, tcb, _ = opened()
    tcb.send(b"x", scene.now)
    peer.expect(PSH | ACK)
    for code, err in ((1, EHOSTUNREACH), (3, ECONNREFUSED)):
        peer.icmp(1, err, code=code)
    assert tcb.state == ESTABLISHED and tcb.ca_state == CA_OPEN


@pytest.mark.parametrize("code", [0, 1])
def test_rfc6069_3_unreachable_takes_a_backoff_back(code):
    scene, peer, tcb, _ = opened()
    tcb.send(b"x" * 100, scene.now)
    peer.drain()
    for _ in range(5):
        scene.run_until(tcb.rtx_timer.expires_at)
    assert tcb.backoff == 5
    peer.drain()
    late = tcb.rtx_timer.expires_at
    peer.icmp(1, EHOSTUNREACH, code=code)
    assert tcb.backoff == 4 and scene.now < tcb.rtx_timer.expires_at < late
    scene.advance(ns=(tcb.rtx_timer.expires_at - scene.now) * 9 // 10)
    peer.expect_nothing()
    peer.icmp(1, EHOSTUNREACH, code=code)
    peer.expect(PSH | ACK, seq=1, length=100)


def test_rfc6069_3_only_for_the_segment_that_was_sent_again():
    scene, peer, tcb, _ = opened()
    tcb.send(b"x" * 100, scene.now)
    tcb.send(b"x" * 1460, scene.now)
    peer.drain()
    scene.run_until(tcb.rtx_timer.expires_at)
    peer.icmp(101, EHOSTUNREACH)
    assert tcb.backoff == 1


def test_who_asks_hears_of_an_error_at_once_and_the_connection_goes_on():
    # IP_RECVERR (ip(7)).
    scene, peer, tcb, owner = opened()
    tcb.settings.recverr = True
    tcb.send(b"x" * 100, scene.now)
    peer.drain()
    peer.icmp(1, ECONNREFUSED, code=3)
    assert owner.take() & POLLERR and tcb.send(b"y", scene.now) == -ECONNREFUSED
    assert tcb.state == ESTABLISHED and tcb.send(b"y", scene.now) == 1


def test_a_report_smaller_than_a_probe_under_way_is_believed():
    scene = Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512)
    scene, peer, tcb, _ = opened(scene)
    tcb.cc.cwnd = 11
    scene.sender.new_mtu(1500)
    tcb.send(bytes(4000), scene.now)
    assert len(peer.drain()[0].payload) == 986
    peer.icmp(1, EMSGSIZE, code=4, info=1026)
    assert scene.sender.mtu == 1500
    peer.icmp(1, EMSGSIZE, code=4, info=1000)
    assert scene.sender.mtu == 1000
    assert [(x.seq, len(x.payload)) for x in peer.drain()] == [(1, 600), (601, 386)]


def about_to_probe(scene):
    """A connection that will send a probe with its next text, for which the peer has no room yet."""
    scene, peer, tcb, _ = opened(scene)
    tcb.cc.cwnd = 11
    scene.sender.new_mtu(1500)
    peer.send(ACK, seq=1, ack=1, wnd=0)
    return scene, peer, tcb


class Narrow(FakeSender):
    """Takes nothing longer than 700 octets."""

    refused = 0

    def send(self, path, packet, now):
        if packet.length() > 700:
            self.refused += 1
            return -EMSGSIZE
        return super().send(path, packet, now)


def test_a_probe_refused_below_leaves_its_text_to_be_sent():
    scene = Scene(tcp_mtu_probing=2, tcp_base_mss=512)
    scene.sender = scene.tcp.sender = Narrow(640, 0)
    scene, peer, tcb = about_to_probe(scene)
    text = bytes(range(250)) * 16
    tcb.send(text, scene.now)
    tcb.shutdown_send(scene.now)
    peer.send(ACK, seq=1, ack=1)
    got = bytearray()
    while sent := peer.drain():
        for segment in sent:
            assert segment.seq == 1 + len(got)
            got += segment.payload
        peer.send(ACK, seq=1, ack=1 + len(got))
    assert scene.sender.refused and got == text and segment.flags & FIN


def test_a_probe_leaves_room_for_the_option_that_rides_along():
    pair = Pair(gso_max=0)
    tcb, child = session(pair, tcp_mtu_probing=2, tcp_ecn=3)
    lengths = set()
    fly = pair._fly
    pair._fly = lambda dst, packet: (lengths.add(packet.length() - 8 + 20), fly(dst, packet))
    assert transfer(pair, tcb, child, 3_000_000, 60) == 3_000_000
    assert tcb.ecn.octets > 0
    assert max(lengths) == tcb.mtu.search_low <= pair.mtu and pair.mtu - tcb.mtu.search_low < 8


def test_a_probe_does_not_carry_octets_on_both_sides_of_a_mark():
    scene, peer, tcb = about_to_probe(Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512))
    tcb.send(bytes(700), scene.now, MSG_EOR)
    tcb.send(bytes(3300), scene.now)
    peer.send(ACK, seq=1, ack=1)
    assert [len(sent.payload) for sent in peer.drain()][:2] == [600, 100]


def test_a_larger_mss_does_not_lead_congestion_avoidance_back_into_slow_start():
    pair = Pair(gso_max=0)
    tcb, _ = session(pair, tcp_mtu_probing=2, tcp_base_mss=512, tcp_congestion_control="reno")
    tcb.cc.ssthresh = 5
    tcb.send(bytes(100_000), pair.now)
    while pair.a.ext.TCPMTUPSuccess < 1:
        pair.step(pair.now + 1_000_000)
    assert tcb.cc.ssthresh == 5


def test_no_probe_leaves_in_the_middle_of_a_write():
    scene, peer, tcb = about_to_probe(Scene(mtu=640, tcp_mtu_probing=2, tcp_base_mss=512))
    tcb.send(bytes(4000), scene.now)
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.snd_wnd = 65535
    push_one(tcb, scene.now)
    assert [len(sent.payload) for sent in peer.drain()] == [600]
    output(tcb, scene.now)
    assert len(peer.drain()[0].payload) > 600
