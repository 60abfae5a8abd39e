"""Loss judged by time (RFC 8985 6), and the tail loss probe (RFC 8985 7)."""

import itertools

from usernet.core.const import MS, NEVER
from usernet.tcp.congestion.reno import Reno
from usernet.tcp.const import ACK, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY
from usernet.tcp.loss_detection import reordering_window
from usernet.tcp.prr import Prr
from usernet.tcp.rack import Rack
from usernet.tcp.reduction import enter_cwr
from usernet.testing.peer import Scene

M = 1000


def sending(octets, *, scene=None, ts=None, cwnd=10, rtt_ms=100):
    """A connection with SACK and an MSS of 1000, over a round trip, with text in flight."""
    scene = scene or Scene()
    peer = scene.peer()
    options = {"mss": M + (12 if ts else 0), "wscale": 7, "sack_permitted": True}
    if ts:
        options["ts"] = ts
    tcb, _ = peer.open_passive(scene.listen(), rtt_ms=rtt_ms, **options)
    tcb.cc.cwnd = cwnd
    if octets:
        tcb.send(b"d" * octets, scene.now)
    return scene, peer, tcb


def sack(peer, *blocks, ack=1):
    peer.send(ACK, seq=1, ack=ack, sack=[(1 + a * M, 1 + b * M) for a, b in blocks])


def seqs(sent):
    return [(s.seq - 1) // M for s in sent if s.payload]


def test_rfc8985_6_2_what_was_sent_before_what_arrived_has_a_quarter_round_trip_more():
    scene, peer, tcb = sending(4 * M)
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (3, 4))
    peer.expect_nothing()
    assert tcb.ca_state == CA_DISORDER
    scene.advance(ms=24)
    peer.expect_nothing()
    scene.advance(ms=5)
    assert seqs(peer.drain()) == [0] and tcb.ca_state == CA_RECOVERY and tcb.board.lost_out == 3


def test_rfc8985_6_2_three_duplicates_close_the_window_while_no_reordering_was_seen():
    scene, peer, tcb = sending(5 * M)
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (1, 4))
    assert seqs(peer.drain()) == [0] and tcb.ca_state == CA_RECOVERY


def test_rfc8985_6_2_a_retransmission_that_is_lost_is_seen_by_what_was_sent_after_it():
    scene, peer, tcb = sending(10 * M)
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (1, 4))
    assert seqs(peer.drain()) == [0]
    tcb.send(b"n" * 10 * M, scene.now)
    sack(peer, (1, 8))
    new = seqs(peer.drain())
    assert new and min(new) >= 10
    scene.advance(ms=100)
    sack(peer, (1, 8), (new[0], new[0] + 1))
    assert 0 in seqs(peer.drain())
    assert scene.counters.tcp_ext.TCPLostRetransmit == 1 and scene.counters.tcp_ext.TCPTimeouts == 0


def test_reordering_is_measured_in_segments():
    scene, peer, tcb = sending(10 * M)
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (9, 10))
    sack(peer, (3, 4), (9, 10))
    assert tcb.reordering == 7 and tcb.rack.reord_seen == 1
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert tcb.reordering == 10 and tcb.rack.reord_seen == 2 and tcb.ca_state == CA_OPEN
    assert scene.counters.tcp_ext.TCPSACKReorder == 2


def test_rfc8985_6_2_a_dsack_widens_the_window_once_a_round_trip_and_recoveries_narrow_it():
    _scene, _peer, tcb = sending(0)
    rack = tcb.rack
    rack.dsack_seen = True
    rack.adapt(100, 50)
    assert (rack.steps, rack.persist) == (2, 16)
    rack.dsack_seen = True
    rack.adapt(120, 60)
    assert rack.steps == 2
    rack.dsack_seen = True
    rack.adapt(200, 110)
    assert rack.steps == 3
    rack.persist = 0
    rack.adapt(300, 250)
    assert rack.steps == 1


def test_rfc8985_3_3_2_the_window_holds_what_a_timestamp_showed_to_be_late():
    scene, peer, tcb = sending(10 * M, ts=(1, 0))
    first = peer.drain()[0]
    scene.advance(ms=100)
    for block in ((4, 5), (4, 6), (4, 7)):
        peer.ts_recent = first.ts[0]
        sack(peer, block)
    assert seqs(peer.drain()) == [0] and tcb.ca_state == CA_RECOVERY
    scene.advance(ms=80)
    peer.ts_recent = first.ts[0]
    sack(peer, (4, 7), ack=1 + M)
    # 180 ms on its way where 100 ms are the least: 4 quarters of a round trip hold it.
    assert scene.counters.tcp_ext.TCPPartialUndo == 1
    assert (tcb.rack.steps, tcb.rack.persist) == (4, 16) and reordering_window(tcb) == 100 * MS


def test_what_a_timestamp_shows_widens_the_window_only_forward_and_within_bounds():
    for late, min_rtt, steps in ((-3, 3, 1), (0, 100, 1), (5, 3, 255), (40, 100, 2), (10**9, NEVER, 1)):
        rack = Rack()
        rack.widen(late, min_rtt)
        assert rack.steps == steps
    rack = Rack()
    rack.widen(30, 100)
    assert (rack.steps, rack.persist) == (2, 16)


def test_a_static_window_takes_no_timestamp_into_account():
    scene, peer, tcb = sending(10 * M, ts=(1, 0), scene=Scene(tcp_recovery=3))
    first = peer.drain()[0]
    scene.advance(ms=100)
    for block in ((4, 5), (4, 6), (4, 7)):
        peer.ts_recent = first.ts[0]
        sack(peer, block)
    scene.advance(ms=80)
    peer.ts_recent = first.ts[0]
    sack(peer, (4, 7), ack=1 + M)
    assert scene.counters.tcp_ext.TCPPartialUndo == 1 and tcb.rack.steps == 1


def test_rfc8985_3_3_2_what_jumps_ahead_does_not_lower_the_windows_bound():
    scene, peer, tcb = sending(8 * M, cwnd=12)
    peer.drain()
    tcb.rack.steps, tcb.rack.persist, tcb.rack.reord_seen = 100, 16, 1
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    tcb.send(b"n" * 4 * M, scene.now)
    peer.drain()
    scene.advance(ms=20)
    sack(peer, (8, 9), ack=1 + 4 * M)
    assert tcb.rtt.srtt == 90 * MS and reordering_window(tcb) == 100 * MS


def test_without_rack_losses_are_counted():
    scene, peer, tcb = sending(10 * M, scene=Scene(tcp_recovery=0))
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (8, 10))
    scene.advance(ms=60)
    peer.expect_nothing()
    sack(peer, (7, 10))
    assert seqs(peer.drain())[0] == 0 and tcb.board.lost_out == 7


def test_rfc8985_7_3_a_tail_is_probed_after_two_round_trips():
    scene, peer, _tcb = sending(3 * M)
    peer.drain()
    scene.advance(ms=201)
    peer.expect_nothing()
    scene.advance(ms=3)
    peer.expect(ACK, seq=1 + 2 * M, length=M)
    assert scene.counters.tcp_ext.TCPLossProbes == 1 and scene.counters.tcp_ext.TCPTimeouts == 0


def test_rfc8985_7_3_new_data_is_the_better_probe():
    scene, peer, tcb = sending(12 * M)
    assert len(peer.drain()) == 10
    scene.advance(ms=210)
    peer.expect(ACK, seq=1 + 10 * M, length=M)
    assert tcb.probe.is_open and not tcb.probe.retransmitted


def test_rfc8985_7_4_2_a_loss_that_only_the_probe_repaired_is_congestion():
    scene, peer, tcb = sending(3 * M)
    peer.drain()
    scene.advance(ms=210)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 3 * M)
    tcb.send(b"n" * M, scene.now)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    assert scene.counters.tcp_ext.TCPLossProbeRecovery == 1 and tcb.cc.ssthresh == 7


def test_rfc8985_7_4_2_a_dsack_of_the_probe_says_that_nothing_was_lost():
    scene, peer, tcb = sending(3 * M)
    peer.drain()
    scene.advance(ms=210)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 3 * M)
    peer.send(ACK, seq=1, ack=1 + 3 * M, sack=[(1 + 2 * M, 1 + 3 * M)])
    assert not tcb.probe.is_open and tcb.cc.ssthresh > 1000


def test_a_probe_with_new_data_fits_the_path_as_it_is_now():
    scene, peer, tcb = sending(12 * M)
    assert len(peer.drain()) == 10
    scene.sender.new_mtu(600)
    scene.advance(ms=210)
    peer.expect(ACK, seq=1 + 10 * M, length=560)
    assert tcb.probe.is_open


def test_short_records_that_melted_are_probed_whole():
    # Two segments of a hundred octets each are no place for an edge at an MSS.
    scene, peer, tcb = sending(0, scene=Scene(tcp_recovery=0))
    tcb.settings.nodelay = True
    for _ in range(4):
        tcb.send(b"d" * 100, scene.now)
    peer.drain()
    scene.advance(ms=100)
    enter_cwr(tcb, scene.now)
    peer.send(ACK, seq=1, ack=101, sack=[(201, 401)])
    scene.advance(ms=210)
    peer.expect(ACK, seq=201, length=200)
    assert (tcb.board.packets_out, tcb.board.sacked_out, tcb.board.count()) == (3, 2, 2)
    peer.send(ACK, seq=1, ack=401)
    assert tcb.board.packets_out == 0 and tcb.outq() == 0


def test_no_probe_where_the_sysctl_says_so():
    scene, peer, _tcb = sending(3 * M, scene=Scene(tcp_early_retrans=0))
    peer.drain()
    scene.advance(ms=290)
    peer.expect_nothing()
    scene.advance(ms=20)
    peer.expect(ACK, seq=1, length=M)


def test_rfc3522_an_echo_older_than_the_retransmission_undoes_recovery():
    scene, peer, tcb = sending(5 * M, ts=(1, 0))
    first = peer.drain()[0]
    scene.advance(ms=100)
    peer.ts_recent = first.ts[0]
    sack(peer, (1, 4))
    assert len(peer.drain()) == 1 and tcb.cc.ssthresh == 7
    peer.ts_recent = first.ts[0]
    peer.send(ACK, seq=1, ack=1 + 5 * M)
    assert tcb.cc.cwnd >= 10 and tcb.cc.ssthresh > 1000 and tcb.ca_state == CA_OPEN
    assert scene.counters.tcp_ext.TCPFullUndo + scene.counters.tcp_ext.TCPPartialUndo == 1


def test_rfc3708_dsacks_of_all_that_was_sent_again_undo_recovery():
    scene, peer, tcb = sending(8 * M)
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (1, 4))
    assert seqs(peer.drain()) == [0]
    scene.advance(ms=1)
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    peer.send(ACK, seq=1, ack=1 + 4 * M, sack=[(1, 1 + M)])
    assert scene.counters.tcp_ext.TCPDSACKUndo == 1 and tcb.cc.cwnd >= 10 and tcb.cc.ssthresh > 1000


def test_rfc5682_3_1_delivery_of_what_was_not_sent_again_shows_a_spurious_timeout():
    scene, peer, tcb = sending(4 * M, scene=Scene(tcp_early_retrans=0))
    peer.drain()
    scene.advance(ms=310)
    assert seqs(peer.drain()) == [0] and tcb.ca_state == CA_LOSS
    peer.send(ACK, seq=1, ack=1 + 2 * M)
    assert scene.counters.tcp_ext.TCPSpuriousRTOs == 1 and tcb.ca_state == CA_OPEN and tcb.cc.cwnd >= 10
    peer.expect_nothing()


def test_rfc5682_3_1_a_duplicate_ack_of_new_text_settles_that_the_timeout_was_right():
    scene, peer, tcb = sending(4 * M, scene=Scene(tcp_early_retrans=0))
    peer.drain()
    scene.advance(ms=310)
    tcb.send(b"n" * 4 * M, scene.now)
    assert seqs(peer.drain()) == [0]
    # Step 2b: new text, two segments of it; step 3a: a duplicate ACK. What is acknowledged later says nothing any more.
    peer.send(ACK, seq=1, ack=1 + M)
    assert seqs(peer.drain()) == [4, 5]
    sack(peer, (4, 5), ack=1 + M)
    assert seqs(peer.drain())[0] == 1
    sack(peer, (4, 5), ack=1 + 3 * M)
    assert scene.counters.tcp_ext.TCPSpuriousRTOs == 0 and tcb.ca_state == CA_LOSS and tcb.cc.ssthresh < 10


def test_rfc8985_8_after_a_timeout_what_was_sent_lately_is_not_lost():
    scene, peer, tcb = sending(2 * M, scene=Scene(tcp_early_retrans=0))
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + M)
    scene.advance(ms=250)
    tcb.send(b"l" * M, scene.now)
    peer.drain()
    scene.run_until(tcb.rtx_timer.expires_at)
    assert tcb.ca_state == CA_LOSS and tcb.board.lost_out == 1 and tcb.board.packets_out == 2


def test_a_full_segment_with_fin_is_one_when_sent_again():
    scene, peer, tcb = sending(0, scene=Scene(tcp_early_retrans=0))
    tcb.settings.cork = True
    tcb.send(b"x" * M, scene.now, True)
    peer.drain()
    scene, peer, tcb = sending(M, scene=Scene(tcp_early_retrans=0))
    tcb.shutdown_send(scene.now)
    peer.drain()
    scene.advance(ms=310)
    assert tcb.board.packets_out == 2 and scene.counters.tcp.RetransSegs == 1


def test_rto_is_linear_for_a_thin_stream_where_the_sysctl_says_so():
    scene, peer, tcb = sending(M, scene=Scene(tcp_thin_linear_timeouts=1, tcp_early_retrans=0))
    tcb.cc.ssthresh = 20
    start = scene.now
    times = []
    while len(times) < 4:
        scene.advance(ms=10)
        if [s for s in peer.drain() if s.seq == 1 and scene.now > start + 100 * MS]:
            times.append((scene.now - start) // MS)
    assert [b - a for a, b in itertools.pairwise(times)] == [300, 300, 300]


def test_rfc9937_6_2_one_segment_more_while_recovery_proceeds():
    cc = Reno()
    for proceeds, cwnd in ((False, 6), (True, 7)):
        cc.ssthresh, cc.prior_cwnd = 10, 20
        prr = Prr()
        prr.reduce(cc, 5, 1, proceeds, False)
        assert cc.cwnd == cwnd


def test_rfc8985_6_2_a_wider_window_is_kept_for_so_many_recoveries():
    scene, peer, tcb = sending(8 * M)
    tcb.rack.persist = 5
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (1, 8))
    assert seqs(peer.drain()) == [0] and tcb.ca_state == CA_RECOVERY
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 8 * M)
    assert tcb.ca_state == CA_OPEN and tcb.rack.persist == 4


def test_a_timeout_after_many_duplicates_shows_that_order_was_trusted_too_little():
    scene, peer, tcb = sending(8 * M, scene=Scene(tcp_early_retrans=0, tcp_recovery=0))
    tcb.reordering = 20
    peer.drain()
    scene.advance(ms=100)
    sack(peer, (1, 8))
    peer.expect_nothing()
    scene.run_until(tcb.rtx_timer.expires_at)
    assert tcb.ca_state == CA_LOSS and tcb.reordering == 3


def test_rfc9937_6_2_the_first_segment_goes_again_and_what_went_too_far_is_waited_for():
    cc = Reno()
    cc.ssthresh, cc.prior_cwnd = 8, 16
    prr = Prr()
    prr.reduce(cc, 8, 1, False, False)
    assert cc.cwnd == 9
    prr.out = 10
    prr.reduce(cc, 9, 1, False, False)
    assert cc.cwnd == 9
    prr.reduce(cc, 9, 1, False, True)
    assert cc.cwnd == 10


def test_what_cwnd_had_grown_by_in_part_does_not_outlast_a_reduction():
    scene, _, tcb = sending(8 * M)
    tcb.cc.cwnd_cnt = 7
    enter_cwr(tcb, scene.now)
    assert tcb.cc.cwnd_cnt == 0
