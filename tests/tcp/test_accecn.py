"""Accurate ECN (RFC 9768): who speaks it with whom, what is counted, what a sender makes of it."""

import pytest
from accecn_ends import ALL, FIRST, connected, parsed, quiet, served
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.tcp.accecn import Ecn, ace_of, flags_of, handshake_ecn, handshake_flags, is_plausible
from usernet.tcp.const import (
    ACE,
    ACK,
    ACK_NOW,
    ACK_SCHED,
    AE,
    CA_CWR,
    CE,
    CWR,
    ECE,
    ECN_ACCURATE,
    ECN_CLASSIC,
    ECT_0,
    ECT_1,
    FAIL_ACE_RECEIVE,
    FAIL_ACE_SEND,
    FIN,
    NOT_ECT,
    RST,
    SYN,
)  # fmt: skip
from usernet.tcp.ecn import on_segment
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner, Scene
from usernet.wire.tcp import Segment, accecn_option, syn_options

# Codes.


def test_the_ace_field_is_the_three_flags_ae_highest():
    assert [flags_of(ace) for ace in range(8)] == [
        0, ECE, CWR, CWR | ECE, AE, AE | ECE, AE | CWR, AE | CWR | ECE,
    ]  # fmt: skip
    assert [ace_of(flags_of(ace) | SYN | ACK | FIN) for ace in range(8)] == list(range(8))


def test_tables_2_3_and_4_are_inverses():
    assert [ace_of(handshake_flags(ecn)) for ecn in (NOT_ECT, ECT_1, ECT_0, CE)] == [2, 3, 4, 6]
    assert all(handshake_ecn(ace_of(handshake_flags(ecn))) == ecn for ecn in range(4))


def test_rfc3168_18_what_a_network_may_make_of_a_codepoint():
    may = {(a, b) for a in range(4) for b in range(4) if is_plausible(a, b)}
    assert may == {(0, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 1), (2, 3), (3, 3)}


def marked(ecn, length=0, gso_size=0):
    seg = Segment()
    seg.ecn, seg.length, seg.gso_size = ecn, length, gso_size
    return seg


@pytest.mark.parametrize(
    ("marks", "pending", "sack", "stamps", "asks"),
    [
        # An ACK that is owed anyway goes at once with two marks; three ask for one of their own, if it can be told
        # from a duplicate ACK.
        (1, True, True, True, False),
        (2, True, False, False, True),
        (2, False, True, True, False),
        (3, False, False, False, False),
        (3, False, True, False, True),
        (3, False, False, True, True),
        (3, True, False, False, True),
    ],
)
def test_rfc9768_3_2_2_5_1_when_marks_of_acks_ask_for_an_ack(marks, pending, sack, stamps, asks):
    _scene, _peer, tcb, _ = served()
    tcb.sack_ok, tcb.ts_ok, tcb.ack_pending = sack, stamps, ACK_SCHED if pending else 0
    tcb.ecn.pending_ce, tcb.ecn.last_ecn = marks - 1, CE
    on_segment(tcb, marked(CE))
    assert tcb.ecn.pending_ce == marks
    assert tcb.ack_pending == (ACK_SCHED | ACK_NOW if asks else ACK_SCHED if pending else 0)


@pytest.mark.parametrize(("marks", "last", "asks"), [(1, CE, False), (2, CE, True), (1, ECT_0, True)])
def test_rfc9768_3_2_2_5_1_text_asks_for_an_ack_with_the_second_mark_or_another_field(marks, last, asks):
    _scene, _peer, tcb, _ = served()
    tcb.ack_pending = 0
    tcb.ecn.pending_ce, tcb.ecn.last_ecn = marks - 1, last
    on_segment(tcb, marked(CE, 100))
    assert tcb.ack_pending == (ACK_SCHED | ACK_NOW if asks else 0)
    tcb.ack_pending, tcb.ecn.mode, tcb.ecn.pending_ce = 0, ECN_CLASSIC, 9
    on_segment(tcb, marked(CE, 100))
    assert tcb.ack_pending == 0


@pytest.mark.parametrize(("length", "unit", "segs"), [(100, 0, 1), (100, 100, 1), (101, 100, 2), (250, 100, 3)])
def test_a_coalesced_packet_counts_for_its_segments(length, unit, segs):
    _scene, _peer, tcb, _ = served()
    before = tcb.ecn.received_ce
    on_segment(tcb, marked(CE, length, unit))
    assert tcb.ecn.received_ce - before == segs


# Negotiation, table 2.


@pytest.mark.parametrize("ecn", range(4))
@pytest.mark.parametrize("ace", range(8))
@pytest.mark.parametrize("mode", range(6))
def test_table_2_what_a_server_answers(mode, ace, ecn):
    scene = Scene(tcp_ecn=mode)
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | flags_of(ace), mss=1460, ecn=ecn)
    accurate = mode >= 3 and ace not in (0, 3)
    classic = not accurate and mode > 0 and ace & 3 == 3 and (ecn == NOT_ECT or ace == 7)
    wanted = handshake_flags(ecn) if accurate else ECE if classic else 0
    peer.expect(SYN | ACK | wanted, ecn=NOT_ECT)
    peer.send(ACK | (flags_of(2) if accurate else 0), seq=1, ack=1)
    tcb = listener.accept(scene.now)
    assert (tcb.ecn.mode if tcb.ecn else 0) == (ECN_ACCURATE if accurate else ECN_CLASSIC if classic else 0)


@pytest.mark.parametrize("ecn", range(4))
@pytest.mark.parametrize("ace", range(8))
@pytest.mark.parametrize("mode", range(6))
def test_table_2_what_a_client_understands(mode, ace, ecn):
    _scene, peer, tcb, _ = connected(ace, ecn, tcp_ecn=mode)
    accurate = mode == 3 and ace in (2, 3, 4, 5, 6)
    classic = mode in (1, 3, 4) and ace == 1
    third = peer.expect(ACK | (handshake_flags(ecn) if accurate else 0), seq=1, ack=1)
    assert (tcb.ecn.mode if tcb.ecn else 0) == (ECN_ACCURATE if accurate else ECN_CLASSIC if classic else 0)
    # Table 3: of a SYN,ACK only CE counts, and once; where the SYN was mangled nothing is ECN-capable any more.
    mangled = accurate and ace in (3, 4, 6)
    assert third.ecn == (ECT_0 if accurate and not mangled else NOT_ECT)
    if accurate:
        assert tcb.ecn.received_ce == (1 if ecn == CE and not mangled else 0)


@pytest.mark.parametrize(("mode", "flags"), [(0, 0), (1, ECE | CWR), (2, 0), (3, ALL), (4, ECE | CWR), (5, 0)])
def test_what_a_client_asks_for_is_the_sysctls(mode, flags):
    *_, asked = connected(tcp_ecn=mode)
    assert asked.flags == SYN | flags


def test_3_1_4_1_the_second_syn_asks_again_the_third_does_not():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    first = peer.expect(SYN | ALL, seq=0)
    seen = []
    while len(seen) < 3:
        scene.advance(ms=100)
        seen += [sent.flags for sent in peer.drain()]
    assert seen == [SYN | ALL, SYN, SYN]
    # Whichever was answered: an accurate SYN,ACK makes an accurate connection (3.1.5), ECT included.
    peer.send(SYN | ACK | CWR, seq=0, ack=1, mss=1460)
    assert peer.expect(ACK | CWR, ecn=ECT_0).raw_seq == (first.raw_seq + 1) & 0xFFFFFFFF
    assert tcb.ecn.mode == ECN_ACCURATE


def test_without_fallback_every_syn_asks():
    scene = Scene(tcp_ecn=3, tcp_ecn_fallback=0)
    peer = scene.peer()
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    scene.advance(s=20)
    assert {sent.flags for sent in peer.drain()} == {SYN | ALL}


def test_3_2_3_2_2_syn_acks_lose_the_option_then_the_flags_and_the_connection_its_ect():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | ALL, mss=1460)
    first = peer.expect(SYN | ACK | CWR)
    assert accecn_option(FIRST) in first.options
    scene.advance(ms=1100)
    again = peer.expect(SYN | ACK | CWR)
    assert accecn_option(FIRST) not in again.options
    scene.advance(ms=2100)
    peer.expect(SYN | ACK)
    peer.send(ACK | CWR, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    # 3.1.5: still accurate, but a server that sent such a SYN,ACK is not ECN-capable.
    assert tcb.ecn.mode == ECN_ACCURATE and tcb.ecn.fail == FAIL_ACE_SEND
    tcb.send(b"x", scene.now)
    peer.expect(ACK | flags_of(5), ecn=NOT_ECT)


def test_3_1_5_the_latest_syn_is_fed_back_and_one_without_flags_ends_ect():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | ALL, mss=1460, ecn=ECT_0)
    peer.expect(SYN | ACK | AE)
    peer.send(SYN, mss=1460, ecn=CE)
    peer.expect(SYN | ACK | AE | CWR)
    peer.send(ACK | CWR, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    assert tcb.ecn.mode == ECN_ACCURATE and tcb.ecn.fail & FAIL_ACE_RECEIVE
    tcb.send(b"x", scene.now)
    peer.expect(ACK | flags_of(5), ecn=NOT_ECT)


def test_3_1_5_a_server_without_ecn_does_not_change_its_mind():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, mss=1460)
    peer.expect(SYN | ACK)
    peer.send(SYN | ALL, mss=1460)
    peer.expect(SYN | ACK)


@pytest.mark.parametrize(("first", "second"), [(ALL, ECE | CWR), (ECE | CWR, ALL), (ECE | CWR, AE)])
def test_3_1_5_classic_and_accurate_in_one_handshake_is_reset(first, second):
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    scene.listen()
    peer.send(SYN | first, mss=1460)
    peer.take()
    peer.send(SYN | second, mss=1460)
    peer.expect(RST | ACK, ack=1)
    assert scene.counters.drops["tcp_ecn_mixed"] == 1 and scene.leaves_nothing()


def test_two_syns_that_cross_agree_on_the_lesser_wish():
    for ace, wanted in ((7, ECN_ACCURATE), (5, ECN_ACCURATE), (3, ECN_CLASSIC), (0, 0), (2, ECN_ACCURATE)):
        scene = Scene(tcp_ecn=3)
        peer = scene.peer()
        binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
        tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
        peer.expect(SYN | ALL)
        peer.send(SYN | flags_of(ace), seq=0, mss=1460, ecn=ECT_1)
        answer = peer.expect(SYN | ACK | {ECN_ACCURATE: CWR | ECE, ECN_CLASSIC: ECE, 0: 0}[wanted])
        assert (accecn_option(FIRST) in answer.options) == (wanted == ECN_ACCURATE)
        assert (tcb.ecn.mode if tcb.ecn else 0) == wanted


# The ACK of the SYN,ACK, table 4.


@pytest.mark.parametrize("ace", range(8))
def test_table_4_the_third_ack_is_no_counter(ace):
    _, _, tcb, _ = served(ace=ace, tcp_ecn_fallback=0)
    assert tcb.rate.delivered_ce == (1 if ace == 6 else 0)
    assert tcb.ecn.fail == (FAIL_ACE_RECEIVE if ace == 0 else 0)


@pytest.mark.parametrize("ace", range(8))
def test_3_2_2_3_a_mangled_syn_ack_ends_ect_but_not_feedback(ace):
    scene, peer, tcb, _ = served(ace=ace)
    mangled = ace in (0, 3, 4, 6)
    tcb.send(b"x", scene.now)
    peer.expect(ACK | flags_of(5), ecn=NOT_ECT if mangled else ECT_0)
    assert tcb.rate.delivered_ce == 0


def test_table_4_after_000_feedback_means_nothing():
    scene, peer, tcb, _ = served(ace=0)
    tcb.send(b"x" * 100, scene.now)
    peer.expect(ACK | flags_of(5), ecn=NOT_ECT)
    peer.send(ACK | flags_of(7), seq=1, ack=101, payload=b"y", ecn=CE)
    assert tcb.rate.delivered_ce == 0 and tcb.ca_state == 0
    peer.expect(ACK | flags_of(6), ack=2)


def test_text_or_sacks_in_the_third_ack_leave_its_ace_alone():
    _, _, tcb, _ = served(ace=6, data=b"text", tcp_ecn_fallback=0)
    assert tcb.rate.delivered_ce == 0


def test_3_2_2_2_a_repeated_third_ack_is_told_by_its_look():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | ALL, mss=1460, ts=(100, 0), sack_permitted=True)
    peer.expect(SYN | ACK | CWR)
    peer.ts = 101
    peer.send(ACK | CWR, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"x", scene.now)
    # Its timestamp is new, so that by itself it would count as five marks.
    peer.ts = 103
    peer.send(ACK | CWR, seq=1, ack=1)
    assert tcb.rate.delivered_ce == 0
    peer.send(ACK | flags_of(6), seq=1, ack=2)
    assert tcb.rate.delivered_ce == 1


def test_3_2_2_1_a_syn_ack_that_comes_again_is_acknowledged_in_handshake_encoding():
    scene, peer, tcb, _ = connected()
    peer.expect(ACK | CWR, ecn=ECT_0)
    peer.send(SYN | ACK | CWR, seq=0, ack=1, options=syn_options(1460, -1, True, None), ecn=ECT_1)
    peer.expect(ACK | CWR | ECE, ack=1, ecn=ECT_0)
    tcb.send(b"x", scene.now)
    peer.expect(ACK | flags_of(5), seq=1)


# The receiver.


def test_3_2_marks_and_octets_are_counted_and_shown():
    _scene, peer, tcb, _ = served()
    seq = 1
    cep, octets = 5, {ECT_1: 1, CE: 0, ECT_0: 1}
    for ecn, size in ((CE, 10), (CE, 20), (ECT_0, 30), (ECT_1, 40), (NOT_ECT, 50), (CE, 60), (ECT_0, 70)):
        peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"x" * size, ecn=ecn)
        seq += size
        if ecn:
            octets[ecn] += size
        cep += ecn == CE
        sent = peer.expect(ACK | flags_of(cep & 7), ack=seq, ecn=ECT_0)
        assert sent.options == accecn_option([octets[ECT_1], octets[CE], octets[ECT_0]]) + b"\1"
    info = tcb.info()
    assert [info[f"received_{name}"] for name in ("ce", "e1_bytes", "e0_bytes", "ce_bytes")] == [3, 40, 100, 90]


def test_a_super_segment_counts_for_each_of_its_segments():
    _scene, peer, tcb, _ = served()
    peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"x" * 3500, gso_size=1000, ecn=CE)
    assert tcb.ecn.received_ce == 4 and tcb.ecn.received_bytes[CE - 1] == 3500
    peer.expect(ACK | flags_of((5 + 4) & 7))


def test_pure_acks_and_old_text_count_too():
    _scene, peer, tcb, _ = served()
    peer.send(ACK | flags_of(5), seq=1, ack=1, ecn=CE)
    assert tcb.ecn.received_ce == 1 and list(tcb.ecn.received_bytes) == [0, 0, 0]
    peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"abc", ecn=ECT_0)
    peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"abc", ecn=ECT_0)
    assert tcb.ecn.received_bytes[ECT_0 - 1] == 6


def test_3_2_2_5_1_a_change_to_ce_is_acknowledged_at_once():
    scene, peer, tcb, _ = served()
    seq = quiet(scene, peer, tcb)
    peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"a", ecn=ECT_0)
    peer.expect_nothing()
    peer.send(ACK | flags_of(5), seq=seq + 1, ack=1, payload=b"b", ecn=CE)
    peer.expect(ACK | flags_of(6), ack=seq + 2)


def test_3_2_2_5_1_two_marks_are_acknowledged_at_once():
    scene, peer, tcb, _ = served()
    seq = quiet(scene, peer, tcb, CE)
    before = tcb.ecn.received_ce
    peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"a", ecn=CE)
    peer.expect_nothing()
    peer.send(ACK | flags_of(5), seq=seq + 1, ack=1, payload=b"b", ecn=CE)
    peer.expect(ACK | flags_of((5 + before + 2) & 7), ack=seq + 2)


def test_3_2_2_5_1_three_marked_acks_get_an_ack_that_damps_itself():
    scene, peer, tcb, _ = served()
    tcb.send(b"x" * 10, scene.now)
    peer.drain()
    for _ in range(2):
        peer.send(ACK | flags_of(5), seq=1, ack=1, ecn=CE)
        peer.expect_nothing()
    peer.send(ACK | flags_of(5), seq=1, ack=1, ecn=CE)
    sent = peer.expect(ACK | flags_of(0), seq=11, ack=1, length=0)
    assert not sent.sack
    peer.send(ACK | flags_of(5), seq=1, ack=1, ecn=CE)
    peer.expect_nothing()


def test_acks_are_acknowledged_only_where_they_cannot_be_taken_for_duplicates():
    scene = Scene(tcp_ecn=3, tcp_sack=0, tcp_timestamps=0)
    _, peer, _tcb, _ = served(scene)
    for _ in range(6):
        peer.send(ACK | flags_of(5), seq=1, ack=1, ecn=CE)
    peer.expect_nothing()


# The sender.


def test_3_2_2_5_2_a_large_ack_may_hide_eight_marks():
    scene, peer, tcb, _ = served(option=False, tcp_ecn_option=0)
    tcb.send(b"x" * 14600, scene.now)
    peer.drain()
    peer.send(ACK | flags_of(5), seq=1, ack=1461)
    assert tcb.rate.delivered_ce == 0
    peer.send(ACK | flags_of(5), seq=1, ack=14601)
    assert tcb.rate.delivered_ce == 8


def test_a_path_that_thins_acks_is_not_suspected_of_hiding_marks():
    scene, peer, tcb, _ = served(option=False, tcp_ecn_option=0)
    tcb.send(b"x" * 14600, scene.now)
    peer.drain()
    peer.send(ACK | flags_of(6), seq=1, ack=14601)
    assert tcb.rate.delivered_ce == 1


def test_appendix_a_1_an_ack_without_progress_is_superseded_unless_its_timestamp_is_new():
    scene = Scene(tcp_ecn=3)
    peer = scene.peer()
    listener = scene.listen()
    peer.send(SYN | ALL, mss=1460, ts=(100, 0), sack_permitted=True)
    peer.expect(SYN | ACK | CWR)
    peer.ts = 101
    peer.send(ACK | CWR, seq=1, ack=1)
    tcb = listener.accept(scene.now)
    tcb.send(b"x", scene.now)
    peer.send(ACK | flags_of(6), seq=1, ack=1)
    assert tcb.rate.delivered_ce == 0
    peer.ts = 102
    peer.send(ACK | flags_of(6), seq=1, ack=1)
    assert tcb.rate.delivered_ce == 1


def test_marks_bring_the_window_down_once_a_round_trip_and_no_cwr_is_set():
    scene, peer, tcb, _ = served()
    tcb.send(b"x" * 14600, scene.now)
    assert all(sent.flags & ACE == flags_of(5) and sent.ecn == ECT_0 for sent in peer.drain())
    before = tcb.cc.cwnd
    peer.send(ACK | flags_of(6), seq=1, ack=1461)
    assert tcb.ca_state == CA_CWR and tcb.cc.ssthresh == before * 7 // 10
    once = tcb.cc.ssthresh
    peer.send(ACK | flags_of(0), seq=1, ack=2921)
    assert tcb.cc.ssthresh == once and tcb.rate.delivered_ce == 3
    tcb.send(b"y", scene.now)
    assert all(sent.flags & ACE == flags_of(5) for sent in peer.drain())
    assert scene.counters.tcp_ext.TCPDeliveredCE == 3


def test_ecn_plus_plus_retransmissions_and_control_packets_are_ecn_capable():
    scene, peer, tcb, _ = served()
    tcb.send(b"x", scene.now)
    peer.expect(ACK | flags_of(5), ecn=ECT_0)
    scene.advance(s=2)
    assert peer.expect(ACK | flags_of(5), seq=1, length=1, ecn=ECT_0)
    peer.send(ACK | flags_of(5), seq=1, ack=2)
    peer.drain()
    tcb.shutdown_send(scene.now)
    peer.expect(FIN | ACK | flags_of(5), seq=2, ecn=ECT_0)
    tcb.abort(scene.now)
    peer.expect(RST | ACK | flags_of(5), ecn=ECT_0)


def test_a_super_segment_has_its_ace_in_every_segment():
    scene = Scene(tcp_ecn=3, gso_max=65536)
    _, peer, tcb, _ = served(scene)
    peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"a", ecn=CE)
    peer.drain()
    tcb.send(b"x" * 10000, scene.now)
    sent = peer.expect(ACK | flags_of(6), seq=1)
    assert sent.packet.gso_size and sent.packet.gso_type & 0x10


def test_a_syn_cookie_keeps_accurate_ecn_without_remembering_it():
    for stamps in (None, (100, 0)):
        scene = Scene(tcp_ecn=3, tcp_syncookies=2)
        peer = scene.peer()
        listener = scene.listen()
        peer.send(SYN | ALL, mss=1460, ts=stamps, ecn=ECT_1)
        answer = peer.expect(SYN | ACK | CWR | ECE)
        peer.send(ACK | AE, seq=1, ack=1, ts=(101, answer.ts[0]) if stamps else None)
        tcb = listener.accept(scene.now)
        assert tcb.ecn.mode == ECN_ACCURATE and scene.counters.tcp_ext.SyncookiesRecv == 1


# Whatever is marked, lost and thinned.


class Path:
    """Two ends that only count: packets go one way, ACKs the other, some of both get lost."""

    def __init__(self, option):
        self.receiver, self.sender = Ecn(ECN_ACCURATE), Ecn(ECN_ACCURATE)
        self.option = option
        self.cep = 0
        self.segs = self.octets = 0
        self.marked = 0

    def packet(self, ecn, size):
        self.receiver.count(ecn, 1, size)
        self.segs += 1
        self.octets += size
        self.marked += ecn == CE

    def ack(self, mss):
        """An ACK that arrives: what the sender adds to its count."""
        counters = self.receiver.received_bytes
        options = accecn_option([counters[0] + 1, counters[2], counters[1] + 1]) + b"\1" if self.option else b""
        seg = parsed(options, ACK | self.receiver.ace())
        before = self.sender.delivered_bytes[CE - 1]
        known = self.sender.take_option(seg, self.octets, 0)
        self.sender.note_acked(self.segs)
        delta = (ace_of(seg.flags) - 5 - self.cep) & 7
        got = self.sender.marked(
            delta, self.segs, self.octets, known, self.sender.delivered_bytes[CE - 1] - before, mss, True
        )
        truth, segs = self.marked, self.segs
        self.cep += got
        self.segs = self.octets = self.marked = 0
        return got, truth, segs, known


ROUNDS = st.lists(st.lists(st.sampled_from([ECT_0, CE, ECT_1]), min_size=1, max_size=40), min_size=1, max_size=30)


@given(rounds=ROUNDS)
@settings(max_examples=150)
def test_appendix_a_2_the_count_is_that_of_the_receiver_modulo_eight_and_never_more_than_was_acknowledged(rounds):
    path = Path(option=False)
    for marks in rounds:
        for ecn in marks:
            path.packet(ecn, 1000)
        got, truth, segs, _ = path.ack(1000)
        assert (path.cep - path.receiver.received_ce) % 8 == 0
        assert got <= max(segs, truth)
        thinned = path.sender.acked_mean > 4 << 6
        if segs > 7 and not thinned:
            assert got >= min(truth, segs)  # the safest likely case
        if thinned:
            assert got == (truth + path.cep - got - (path.receiver.received_ce - truth)) % 8 or segs <= 7
        path.cep = path.receiver.received_ce


@given(rounds=ROUNDS, size=st.integers(100, 1460))
@settings(max_examples=150)
def test_with_options_every_mark_is_known_however_thin_the_acks(rounds, size):
    path = Path(option=True)
    for marks in rounds:
        for ecn in marks:
            path.packet(ecn, size)
        got, truth, _, known = path.ack(size)
        assert (path.cep - path.receiver.received_ce) % 8 == 0
        assert list(path.sender.delivered_bytes) == list(path.receiver.received_bytes)
        if known:
            assert got == truth
        path.cep = path.receiver.received_ce


@pytest.mark.parametrize("beacon", (1, 2, 3))
def test_room_is_left_for_an_option_that_may_become_due(beacon):
    scene, peer, tcb, _ = served(tcp_ecn_option=1, tcp_ecn_option_beacon=beacon)
    quiet(scene, peer, tcb)
    tcb.rtt.srtt = 100_000_000
    scene.advance(ms=200)
    tcb.send(bytes(10_000), scene.now)
    sent = peer.drain()
    assert any(b"\xae" in x.options for x in sent)
    assert max(len(x.options) + len(x.payload) for x in sent) <= tcb.mss
