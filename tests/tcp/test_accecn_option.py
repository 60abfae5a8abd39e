"""The AccECN option (RFC 9768 3.2.3): when it is sent, what it says, what is believed of it."""

import pytest
from accecn_ends import FIRST, parsed, quiet, served

from usernet.core.packet import Packet
from usernet.tcp.accecn import Ecn, flags_of
from usernet.tcp.const import (
    ACK,
    CE,
    ECN_ACCURATE,
    ECT_0,
    FAIL_OPTION_RECEIVE,
    FAIL_OPTION_SEND,
    OPTION_COUNTERS,
    OPTION_EMPTY,
    OPTION_NONE,
    OPTION_ZEROED,
)  # fmt: skip
from usernet.wire.tcp import accecn_option, emit, sack_option, write_accecn


@pytest.mark.parametrize("wanted", range(4))
def test_net_ipv4_tcp_ecn_option(wanted):
    scene, peer, _tcb, answer = served(tcp_ecn_option=wanted)
    assert (accecn_option(FIRST) in answer.options) == (wanted > 0)
    peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"a", ecn=ECT_0)
    first = peer.expect(ACK | flags_of(5))
    assert (accecn_option([1, 0, 2]) in first.options) == (wanted > 0)
    # 1: what is new goes out twice, and then as often as the beacon says.
    scene.context.sysctl.set("net.ipv4.tcp_ecn_option_beacon", 0)
    seen = []
    for i in range(5):
        peer.send(ACK | flags_of(5), seq=2 + i, ack=1, payload=b"a", ecn=ECT_0)
        seen.append(b"\xae" in peer.expect(ACK | flags_of(5)).options)
    assert seen == {0: [False] * 5, 1: [True] + [False] * 4}.get(wanted, [True] * 5)


def test_the_beacon_sends_so_many_options_a_round_trip():
    scene, peer, tcb, _ = served(tcp_ecn_option=1, tcp_ecn_option_beacon=2)
    seq = quiet(scene, peer, tcb)
    tcb.rtt.srtt = 100_000_000
    seen = []
    for _ in range(10):
        for _ in range(2):
            peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"a" * 700, ecn=ECT_0)
            seq += 700
            tcb.recv(700, False, scene.now)
        scene.advance(ms=25)
        seen += [b"\xae" in sent.options for sent in peer.drain()]
    assert 4 <= sum(seen) <= 6


def test_3_2_3_3_an_option_goes_each_time_a_counter_has_passed_so_many_octets():
    scene, peer, tcb, _ = served(tcp_ecn_option=1, tcp_ecn_option_beacon=0)
    seq = quiet(scene, peer, tcb)
    seen = []
    for passed in range(1, 4):
        # A segment before the next 2^22 octets are full, one that fills them, and two more.
        tcb.ecn.received_bytes = [0, (passed << 22) - 1000, 0]
        for _ in range(4):
            peer.send(ACK | flags_of(5), seq=seq, ack=1, payload=b"a" * 700, ecn=ECT_0)
            seq += 700
            tcb.recv(700, False, scene.now)
            scene.advance(ms=500)
            seen += [b"\xae" in sent.options for sent in peer.drain()]
    assert seen == [False, True, False, False] * 3


def test_without_an_option_of_the_peer_we_send_none():
    scene, peer, tcb, _ = served(option=False)
    assert tcb.ecn.option_seen == OPTION_NONE
    tcb.send(b"x", scene.now)
    assert not peer.expect(ACK | flags_of(5)).options
    # 3.2.3.2.3: one that comes later shows that the path lets them through.
    peer.send(ACK | flags_of(5), seq=1, ack=2, options=accecn_option([1, 0, 2]) + b"\1")
    tcb.send(b"y", scene.now)
    assert peer.expect(ACK | flags_of(5)).options == accecn_option(FIRST) + b"\1"


def test_3_2_3_2_2_an_option_that_seems_to_be_dropped_is_left_out():
    for persistent in (False, True):
        _scene, peer, tcb, _ = served(tcp_ecn_option=3 if persistent else 2)
        peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"abc", ecn=ECT_0)
        assert b"\xae" in peer.expect(ACK | flags_of(5)).options
        peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"abc", ecn=ECT_0)
        assert b"\xae" in peer.expect(ACK | flags_of(5), sack=[(1, 4)]).options
        peer.send(ACK | flags_of(5), seq=1, ack=1, payload=b"abc", ecn=ECT_0)
        assert (b"\xae" in peer.expect(ACK | flags_of(5), sack=[(1, 4)]).options) is persistent
        assert tcb.ecn.fail == FAIL_OPTION_SEND


def test_3_2_3_3_sack_blocks_give_way_but_never_the_first_two():
    ecn = Ecn(ECN_ACCURATE)
    fits = {}
    for need, room, sacks in [(n, r, s) for n in range(4) for r in (40, 28, 20, 12, 8, 4, 0) for s in range(5)]:
        if sacks and 4 + 8 * sacks > room:
            continue
        ecn.min_fields = need
        ecn.fit(room, sacks)
        used = ecn.octets + (4 + 8 * ecn.sacks if ecn.sacks else 0)
        assert used <= room and used % 4 == 0
        assert ecn.fields < 0 or ecn.fields >= need
        assert ecn.sacks == sacks or (ecn.sacks >= 2 and ecn.fields >= need > 0)
        assert ecn.fields >= 0 or ecn.sacks == sacks
        fits[need, room, sacks] = ecn.fields, ecn.sacks
    assert fits[3, 40, 4] == (3, 3) and fits[1, 28, 3] == (2, 2) and fits[3, 28, 3] == (-1, 3)
    assert fits[0, 28, 3] == (0, 3) and fits[1, 28, 2] == (2, 2) and fits[0, 12, 0] == (3, 0)


@pytest.mark.parametrize("fields", range(4))
@pytest.mark.parametrize("sacks", range(4))
def test_option_and_sack_blocks_are_read_back(fields, sacks):
    ecn = Ecn(ECN_ACCURATE)
    ecn.received_bytes = [0x1010203, 0x1070809, 0x1040506]
    room = 2 + 3 * fields
    room = (room + 3) // 4 * 4 if not sacks or room % 4 == 3 else room // 4 * 4
    room += 4 + 8 * sacks if sacks else 0
    ecn.fit(room, sacks)
    # Alone, two counters take no more octets than one.
    fields = 2 if fields == 1 and not sacks else fields
    assert (ecn.fields, ecn.sacks) == (fields, sacks)
    buf = bytearray(ecn.octets) + bytearray(sack_option([(i, i + 1) for i in range(sacks)]) if sacks else b"")
    ecn.write(buf, 0, 0, False)
    seg = parsed(bytes(buf))
    assert seg.accecn_count == fields and seg.accecn_e1_first
    assert list(seg.accecn)[:fields] == [0x010204, 0x040506, 0x07080A][:fields]
    assert seg.sack_count == sacks


@pytest.mark.parametrize("length", [2, 3, 5, 7, 8, 11, 13, 14, 20])
@pytest.mark.parametrize("kind", [172, 174])
def test_3_2_3_whole_fields_of_an_option_of_any_length_are_read(kind, length):
    seg = parsed(bytes([kind, length]) + bytes(range(1, length - 1)))
    count = min((length - 2) // 3, 3)
    assert seg.accecn_count == count and seg.accecn_e1_first == (kind == 174)
    assert list(seg.accecn)[:count] == [0x010203, 0x040506, 0x070809][:count]


def test_the_option_is_not_mistaken_for_another_and_ends_with_its_segment():
    seg = parsed(b"\xae\x0b" + bytes(9))
    assert seg.accecn_count == 3
    again = emit(1, 2, 3, 4, ACK, 5)
    packet = Packet(bytearray(again), 0, len(again))
    packet.l4 = 0
    seg.parse(packet)
    assert seg.accecn_count == -1


def test_write_and_emit_agree():
    buf = bytearray(11)
    assert write_accecn(buf, 0, 3, 0x112233, 0x445566, 0x778899) == 11
    assert bytes(buf) == accecn_option([0x112233, 0x445566, 0x778899])
    assert accecn_option([1, 2], e1_first=False) == b"\xac\x08\0\0\1\0\0\2"


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (b"", OPTION_NONE),
        (accecn_option([]), OPTION_EMPTY),
        (accecn_option([1]), OPTION_COUNTERS),
        (accecn_option([1, 0]), OPTION_COUNTERS),
        (accecn_option([1, 0, 1]), OPTION_COUNTERS),
        (accecn_option([0]), OPTION_ZEROED),
        (accecn_option([0, 0, 1]), OPTION_ZEROED),
        (accecn_option([1, 0, 0]), OPTION_ZEROED),
        (accecn_option([0, 0, 0], e1_first=False), OPTION_ZEROED),
    ],
)
def test_3_2_3_2_4_a_first_option_whose_counters_were_zeroed_is_the_last_one_read(options, seen):
    ecn = Ecn(ECN_ACCURATE)
    ecn.first_option(parsed(options))
    assert ecn.option_seen == seen and ecn.fail == (FAIL_OPTION_RECEIVE if seen == OPTION_ZEROED else 0)
    if seen == OPTION_ZEROED:
        assert not ecn.take_option(parsed(accecn_option([1, 500, 1])), 500, 0)
        assert list(ecn.delivered_bytes) == [0, 0, 0]


def test_a_first_option_that_comes_after_eight_megabytes_is_not_believed():
    ecn = Ecn(ECN_ACCURATE)
    assert not ecn.take_option(parsed(b""), 1000, (1 << 23) - 2)
    assert ecn.fail == 0
    assert not ecn.take_option(parsed(b""), 1000, (1 << 23) - 1)
    assert ecn.fail == FAIL_OPTION_RECEIVE


def test_3_2_3_1_counters_are_followed_through_their_wrap_in_either_order():
    ecn = Ecn(ECN_ACCURATE)
    e1, ce, e0 = 1, 0, 1
    for step in range(40):
        e0 += 0x3FFFFF
        ce += 0x1FFFFF
        counters = [e1, ce, e0] if step % 2 else [e0, ce, e1]
        ecn.take_option(parsed(accecn_option(counters, e1_first=step % 2 == 1)), 0x5FFFFE, 0)
        assert list(ecn.delivered_bytes) == [0, (e0 - 1) & 0xFFFFFFFF, ce & 0xFFFFFFFF]


def test_without_an_option_octets_go_where_the_last_ones_went():
    ecn = Ecn(ECN_ACCURATE)
    assert not ecn.take_option(parsed(accecn_option([1, 1000, 1])), 1000, 0)
    assert ecn.take_option(parsed(accecn_option([1, 2000, 1])), 1000, 0)
    assert ecn.take_option(parsed(b""), 500, 0)
    assert ecn.delivered_bytes[CE - 1] == 2500
    # Two counters at once: where the next octets belong cannot be known.
    assert ecn.take_option(parsed(accecn_option([101, 2500, 101])), 200, 0)
    assert ecn.guess == 0 and not ecn.take_option(parsed(b""), 500, 0)


@pytest.mark.parametrize(
    ("delta", "segs", "octets", "known", "ce_octets", "exact", "marked"),
    [
        # So few segments make no overflow.
        (3, 7, 7000, False, 0, True, 3),
        (0, 8, 8000, False, 0, True, 8),
        (1, 8, 8000, False, 0, True, 1),
        (3, 20, 20_000, False, 0, True, 19),
        # The option tells that none was marked, or some, or all.
        (3, 20, 20_000, True, 0, True, 3),
        (0, 20, 20_000, True, 1, True, 0),
        (3, 20, 20_000, True, 10_000, True, 11),
        (3, 20, 20_000, True, 14_000, True, 11),
        (3, 20, 20_000, True, 16_000, True, 19),
        (3, 20, 20_000, True, 19_999, True, 19),
        (3, 20, 20_000, True, 20_000, True, 19),
        (0, 16, 16_000, True, 16_000, True, 16),
        (0, 16, 16_000, True, 8000, True, 8),
        # Where numbers are few, or not to be relied on, it must be more than the flags tell.
        (2, 15, 15_000, True, 2000, True, 2),
        (2, 15, 15_000, True, 2001, True, 10),
        (2, 20, 20_000, True, 2000, False, 2),
        (2, 20, 20_000, True, 2001, False, 18),
        (7, 15, 15_000, True, 7000, True, 7),
    ],
)
def test_rfc9768_a_2_how_many_segments_a_flag_counter_may_stand_for(
    delta, segs, octets, known, ce_octets, exact, marked
):
    ecn = Ecn(ECN_ACCURATE)
    assert ecn.marked(delta, segs, octets, known, ce_octets, 1000, exact) == marked


def test_where_acks_are_thinned_a_jump_is_no_overflow():
    ecn = Ecn(ECN_ACCURATE)
    for _ in range(100):
        ecn.note_acked(4)
    assert ecn.acked_mean == 4 << 6 and ecn.marked(3, 20, 20_000, False, 0, 1000, True) == 19
    ecn.note_acked(0)
    assert ecn.acked_mean == 4 << 6
    # One of 68 adds a sixty-fourth of the difference.
    ecn.note_acked(68)
    assert ecn.acked_mean == 5 << 6 and ecn.marked(3, 20, 20_000, False, 0, 1000, True) == 3


def test_segments_behind_a_dsack_have_room_for_the_option_it_kept_out():
    # Two blocks and timestamps leave no room for three new counters; the second segment, without the D-SACK, has it.
    scene, peer, tcb, _ = served()
    tcb.ts_ok = True
    tcb.mss -= 12
    tcb.cc.mss = tcb.mss
    tcb.settings.nodelay = True
    peer.send(ACK | flags_of(5), seq=2001, ack=1, payload=b"h" * 100)
    peer.drain()
    tcb.dsack_left, tcb.dsack_right, tcb.dsack_count = tcb.irs, tcb.irs + 1, 1
    tcb.ecn.min_fields = 3
    tcb.send(b"d" * 5000, scene.now)
    sent = peer.drain()
    assert len(sent[0].sack) == 2 and len(sent[1].sack) == 1
    assert max(len(each.payload) + len(each.options) for each in sent) <= 1460
