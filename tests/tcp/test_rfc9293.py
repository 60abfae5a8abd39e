"""Requirements of RFC 9293 that no other test has for its subject; docs/rfc/rfc9293.md names the test of each."""

from errno import ECONNRESET
from itertools import pairwise

import pytest

from usernet.core.const import POLLERR, POLLHUP, SECOND
from usernet.tcp.const import ACK, CLOSED, ESTABLISHED, FIN, PSH, RST, SYN, SYN_RECEIVED
from usernet.tcp.isn import initial_sequence
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, Owner, Scene
from usernet.wire.tcp import emit


def opened(scene=None, settings=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(settings=settings), **options)
    return scene, peer, tcb, owner


# 3.1 Header format.


def test_must_1_a_window_above_32767_is_no_negative_number():
    _scene, peer, tcb, _ = opened(wscale=14)
    peer.send(ACK, seq=1, ack=1, wnd=0xFFFF)
    assert tcb.snd_wnd == 0xFFFF << 14 == 1073725440
    tcb.send(b"a" * 2000, _scene.now)
    peer.expect(ACK, seq=1, length=1460)
    peer.expect(ACK, seq=1461, length=540)


def test_must_5_and_6_options_stand_in_any_segment_and_unknown_ones_are_ignored():
    _scene, peer, tcb, _ = opened()
    unknown = bytes((200, 6)) + b"abcd" + bytes((1, 0))
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"data", options=unknown)
    assert tcb.available() == 4
    peer.send(FIN | ACK, seq=5, ack=1, options=bytes((77, 4, 0, 0)))
    assert tcb.rcv_fin


@pytest.mark.parametrize(
    "options", [b"\x02\x00\x05\xb4", b"\x02\x01\x05\xb4", b"\xfd\xff\x00\x00", b"\x01\x01\x01\x08"]
)
def test_must_7_and_64_an_option_of_illegal_length_or_alignment_does_no_harm(options):
    _scene, peer, tcb, _ = opened()
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"data", options=options)
    assert tcb.available() == 4


def test_must_64_options_need_no_alignment():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, options=b"\x01\x02\x04\x03\xe8\x04\x02\x03\x03\x05\x00\x00")
    sent = peer.expect(SYN | ACK)
    assert sent.wscale >= 0 and sent.sack_permitted
    peer.send(ACK, seq=1, ack=1)
    assert listener.accept(scene.now).mss_clamp == 1000


def test_must_68_and_69_every_option_sent_has_its_length_and_padding_is_zero():
    scene = Scene()
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460, wscale=7, sack_permitted=True, ts=(5, 0))
    options = peer.expect(SYN | ACK).options
    assert len(options) % 4 == 0
    i, kinds = 0, []
    while i < len(options):
        kinds.append(options[i])
        if options[i] == 0:
            assert not any(options[i:])
            break
        i += 1 if options[i] == 1 else options[i + 1]
    assert set(kinds) <= {0, 1, 2, 3, 4, 8} and i <= len(options)
    assert emit(1, 2, 3, 4, ACK, 5, options=b"\x03\x03\x07")[20:24] == b"\x03\x03\x07\x00"


def test_must_65_no_mss_option_outside_a_syn():
    scene, peer, tcb, _ = opened()
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"x")
    assert peer.expect(ACK).options == b""
    tcb.send(b"reply", scene.now)
    assert peer.expect(ACK | PSH).options == b""


def test_must_66_a_rst_is_processed_with_a_window_of_zero():
    settings = Settings()
    settings.rcvbuf = 4096
    scene, peer, tcb, _ = opened(settings=settings)
    peer.send(ACK, seq=1, ack=1, payload=b"x" * 2048)
    scene.advance(ms=40)
    assert peer.drain()[-1].wnd == 0
    peer.send(RST, seq=1 + tcb.bytes_received)
    assert tcb.state == CLOSED


def test_must_9_and_shld_1_initial_numbers_hang_on_a_secret():
    isns = {initial_sequence(Scene(seed=bytes((i,))).tcp, bytes(12), 0) for i in range(8)}
    assert len(isns) == 8
    scene = Scene()
    isns = {initial_sequence(scene.tcp, bytes(11) + bytes((i,)), 0) for i in range(8)}
    steps = {(b - a) & 0xFFFFFFFF for a, b in pairwise(sorted(isns))}
    assert len(isns) == 8 and len(steps) == 7


# 3.5 and 3.6 Opening and closing.


def test_must_11_a_reset_in_syn_received_goes_where_the_open_came_from():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(RST, seq=1)
    assert listener.poll() == 0 and listener.accept(scene.now) is None

    active = scene.peer(local_port=2000)
    binding = scene.tcp.bind(LOCAL, 2000, 4, 0)
    owner = Owner()
    tcb = scene.tcp.connect(owner, binding, active.remote, active.remote_port, Settings(), scene.now)
    active.expect(SYN)
    active.send(SYN, mss=1460)
    active.expect(SYN | ACK)
    assert tcb.state == SYN_RECEIVED
    active.send(RST, seq=1)
    # Linux says ECONNRESET here, and ECONNREFUSED only in SYN_SENT.
    assert tcb.state == CLOSED and owner.take() & (POLLERR | POLLHUP) and tcb.take_error() == ECONNRESET


def test_shld_2_a_rst_may_carry_text():
    _scene, peer, tcb, _ = opened()
    peer.send(RST | ACK, seq=1, ack=1, payload=b"unknown connection")
    assert tcb.state == CLOSED and tcb.available() == 0


@pytest.mark.parametrize(
    "mss, mtu, stamped, length", [(1000, 1500, False, 1000), (1000, 1500, True, 988), (1460, 900, True, 848)]
)
def test_must_16_a_segment_holds_what_both_ends_and_the_path_take_less_the_options(mss, mtu, stamped, length):
    scene, peer, tcb, _ = opened(Scene(mtu=mtu), mss=mss, **({"ts": (100, 0)} if stamped else {}))
    tcb.send(bytes(2000), scene.now)
    sent = peer.expect(ACK, seq=1, length=length)
    assert len(sent.options) == (12 if stamped else 0)


def test_must_67_the_mss_offered_is_what_the_mtu_holds():
    for mtu, mss in ((1500, 1460), (9000, 8960), (576, 536)):
        scene = Scene(mtu=mtu)
        peer = scene.peer()
        scene.listen()
        peer.send(SYN, mss=1460)
        assert peer.expect(SYN | ACK).mss == mss


# 3.8 Data communication.


def test_must_20_the_path_is_doubted_after_r1_retransmissions():
    scene, _peer, tcb, _ = opened(Scene(tcp_retries1=2))
    path = tcb.path
    tcb.send(b"lost", scene.now)
    while tcb.retransmits < 3:
        scene.advance(ms=100)
    assert tcb.path is path
    while tcb.retransmits < 4:
        scene.advance(ms=100)
    assert tcb.path is not path and tcb.state == ESTABLISHED


def test_shld_10_and_11_r1_is_three_retransmissions_and_r2_more_than_100_seconds():
    scene, _peer, tcb, _ = opened()
    assert scene.tcp.sysctls.retries1 == 3
    tcb.send(b"lost", scene.now)
    scene.advance(s=100)
    assert tcb.state == ESTABLISHED


def test_must_25_and_28_keepalives_are_off_and_wait_two_hours():
    scene, peer, tcb, _ = opened()
    scene.advance(s=4 * 3600)
    peer.expect_nothing()
    tcb.settings.keepalive = True
    tcb.settings_changed(scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1)
    scene.advance(s=7199)
    peer.expect_nothing()
    scene.advance(s=2)
    peer.expect(ACK, seq=0, length=0)


def test_must_29_one_lost_keepalive_answer_ends_nothing():
    settings = Settings()
    settings.keepalive = True
    settings.keepidle_ns, settings.keepintvl_ns = 10 * SECOND, 5 * SECOND
    scene, peer, tcb, _ = opened(settings=settings)
    scene.advance(s=16)
    assert len(peer.drain()) == 2
    peer.send(ACK, seq=1, ack=1)
    scene.advance(s=9)
    assert tcb.state == ESTABLISHED and tcb.probes_out == 0


def test_shld_14_what_was_promised_is_not_taken_back():
    settings = Settings()
    settings.rcvbuf = 40000
    scene, peer, tcb, _ = opened(settings=settings)
    edge, seq = 0, 1
    for _ in range(20):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 700)
        scene.advance(ms=50)
        seq = 1 + tcb.bytes_received
        for sent in peer.drain():
            assert sent.ack + sent.wnd >= edge
            edge = sent.ack + sent.wnd


def test_must_34_and_shld_15_to_17_a_window_that_shrinks():
    scene, peer, tcb, _ = opened()
    tcb.send(b"a" * 4380, scene.now)
    assert [sent.seq for sent in peer.drain()] == [1, 1461, 2921]
    peer.send(ACK, seq=1, ack=1, payload=b"x")
    peer.drain()
    # At the place of an earlier one it would be taken for that, overtaken.
    peer.send(ACK, seq=2, ack=1, wnd=1460)
    # New text waits, text sent before is sent again as far as the window goes, and nobody gives up.
    tcb.send(b"b" * 4380, scene.now)
    peer.expect_nothing()
    for _ in range(6):
        scene.advance(s=5)
        assert all(sent.seq <= 1 and sent.seq + len(sent.payload) <= 1461 for sent in peer.drain())
        peer.send(ACK, seq=2, ack=1, wnd=1460)
    assert tcb.state == ESTABLISHED
    peer.send(ACK, seq=2, ack=4381, wnd=65535)
    assert sum(len(sent.payload) for sent in peer.drain()) == 4380


def test_shld_19_every_second_full_segment_is_acknowledged():
    scene, peer, tcb, _ = opened()
    seq, owed, alone = 1, 0, 0
    for _ in range(60):
        peer.send(ACK, seq=seq, ack=1, payload=b"x" * 1460)
        seq += 1460
        tcb.recv(1 << 16, False, scene.now)
        owed += 1
        if peer.drain():
            alone += owed == 1
            owed = 0
        assert owed < 2
    # Each is for a while only: the first, and those that tell of the window.
    assert alone < 30


# 3.9 Interfaces.


def test_must_41_and_42_opens_do_not_interfere():
    scene = Scene()
    out = scene.peer(local_port=80, remote_port=5000)
    binding = scene.tcp.bind(LOCAL, 80, 4, 1)
    tcb = scene.tcp.connect(Owner(), binding, out.remote, 5000, Settings(), scene.now)
    listener = scene.listen(80)
    other = scene.listen(81)
    out.expect(SYN, seq=0)
    peer = scene.peer(remote_port=6000, wrap=False)
    accepted, _ = peer.open_passive(listener)
    out.send(SYN | ACK, ack=1, mss=1460)
    out.expect(ACK, seq=1, ack=1)
    assert tcb.state == ESTABLISHED and accepted.state == ESTABLISHED and other.poll() == 0


def test_must_43_and_45_a_local_address_may_be_named_and_stays():
    scene = Scene()
    loopback = bytes((127, 0, 0, 1))
    peer = scene.peer(local=loopback)
    tcb, _ = peer.open_active()
    assert tcb.local == tcb.path.src == loopback != LOCAL
    # Another path, on which the stack would choose LOCAL if it were asked.
    scene.sender.new_mtu(900)
    tcb.send(b"d" * 100, scene.now)
    peer.expect(ACK | PSH, length=100)
    assert tcb.local == tcb.path.src == loopback and tcb.path.mtu == 900


def test_must_48_and_49_diffserv_and_ttl_are_the_callers_and_change_at_once():
    settings = Settings()
    settings.tos, settings.ttl = 0x28, 9
    scene, peer, tcb, _ = opened(settings=settings)
    tcb.send(b"one", scene.now)
    sent = peer.take()
    assert (sent.packet.tos, sent.packet.ttl) == (0x28, 9)
    peer.send(ACK, seq=1, ack=4)
    tcb.settings.tos, tcb.settings.ttl = 0x48, 5
    tcb.settings_changed(scene.now)
    tcb.send(b"two", scene.now)
    sent = peer.take()
    assert (sent.packet.tos, sent.packet.ttl) == (0x48, 5)


def test_must_55_source_quench_is_ignored():
    scene, peer, tcb, _ = opened()
    tcb.send(b"text", scene.now)
    cwnd = tcb.cc.cwnd
    peer.icmp(1, 0, kind=4, code=0)
    assert tcb.cc.cwnd == cwnd and tcb.state == ESTABLISHED and tcb.soft_err == 0


@pytest.mark.parametrize("err", [113, 101, 71, 92])
def test_must_56_soft_errors_end_no_connection_and_are_told_when_it_ends(err):
    scene, peer, tcb, _ = opened(Scene(tcp_retries2=3))
    tcb.send(b"text", scene.now)
    peer.icmp(1, err)
    assert tcb.state == ESTABLISHED
    scene.advance(s=60)
    assert tcb.state == CLOSED and tcb.take_error() == err


def test_must_58_and_59_one_ack_for_all_that_came_together():
    scene, peer, tcb, _ = opened()
    for i in range(16):
        peer.send(ACK, seq=1 + i, ack=1, payload=b"q")
    peer.drain()
    peer.send(ACK, seq=17, ack=1, payload=b"x" * 14600, gso_size=1460)
    peer.expect(ACK, ack=14617)
    peer.expect_nothing()
    assert tcb.available() == 14616 and scene is not None


def test_must_60_and_61_text_without_more_is_pushed_and_waits_for_nothing():
    scene, peer, tcb, _ = opened()
    tcb.send(b"a" * 100, scene.now)
    peer.expect(ACK | PSH, seq=1, length=100)
    peer.send(ACK, seq=1, ack=101)
    tcb.send(b"b" * 4000, scene.now)
    pieces = peer.drain()
    assert [bool(sent.flags & PSH) for sent in pieces] == [False, False, True]
