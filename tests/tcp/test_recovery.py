"""Loss and congestion: timer, fast retransmit with and without SACK (RFC 6298, 5681, 6582, 6675, 9438)."""

from errno import EHOSTUNREACH, EMSGSIZE, ETIMEDOUT

from senders import M, sending

from usernet.core.const import MS, POLLERR, SECOND
from usernet.tcp.const import ACK, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, CLOSED, ESTABLISHED, FIN
from usernet.tcp.rtt import RttEstimator
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner, Scene


def seqs(sent):
    return [(s.seq, len(s.payload)) for s in sent]


def test_initial_window_is_ten_segments():
    _scene, peer, _tcb, _ = sending()
    assert seqs(peer.drain()) == [(1 + i * M, M) for i in range(10)]


def test_slow_start_doubles_by_what_is_acknowledged():
    _scene, peer, tcb, _ = sending()
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    tcb.send(b"d" * 40 * M, _scene.now)
    assert tcb.info()["snd_cwnd"] == 20 and len(peer.drain()) == 20


def test_a_timeout_sends_the_first_segment_again_and_backs_off():
    scene, peer, tcb, _ = sending(3 * M, rtt_ms=0)
    peer.drain()
    at = scene.now
    for backoff in range(4):
        at += (200 * MS + 1) << backoff
        scene.run_until(at - 1 * MS)
        peer.expect_nothing()
        scene.run_until(at + 1 * MS)
        peer.expect(ACK, seq=1, length=M)
    info = tcb.info()
    assert (info["ca_state"], info["snd_cwnd"], info["lost"], info["retrans"], info["backoff"]) == (CA_LOSS, 1, 3, 1, 4)
    assert scene.counters.tcp_ext.TCPTimeouts == 4 and scene.counters.tcp.RetransSegs == 4
    peer.send(ACK, seq=1, ack=1 + M)
    assert seqs(peer.drain()) == [(1 + M, M), (1 + 2 * M, M)]
    peer.send(ACK, seq=1, ack=1 + 3 * M)
    # RFC 6582 4: without SACK the state is held until something above high_seq is acknowledged.
    assert tcb.info()["ca_state"] == CA_LOSS and tcb.info()["backoff"] == 4
    tcb.send(b"n" * M, scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    assert tcb.info()["ca_state"] == CA_OPEN and tcb.info()["backoff"] == 0
    peer.expect_nothing()


def test_karn_a_retransmitted_segment_gives_no_sample():
    scene, peer, tcb, _ = sending(M, rtt_ms=0)
    before = tcb.rtt.srtt
    scene.advance(s=2)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + M)
    assert tcb.rtt.srtt == before


def test_timestamps_sample_even_what_was_retransmitted():
    scene, peer, tcb, _ = sending(500, rtt_ms=0, ts=(1, 0))
    scene.advance(ms=250)
    again = peer.drain()[-1]
    scene.advance(ms=80)
    peer.ts_recent = again.ts[0]
    peer.send(ACK, seq=1, ack=501)
    assert 125 * MS <= tcb.rtt.latest <= 135 * MS and tcb.backoff == 0


def test_retries2_ends_with_etimedout():
    scene, _peer, tcb, owner = sending(M, scene=Scene(tcp_retries2=3), rtt_ms=0)
    # (2 << 3) - 1 floors of the RTO after the first retransmission: the first timeout later than that.
    scene.advance(s=6.1)
    assert tcb.state == ESTABLISHED
    scene.advance(s=0.2)
    assert tcb.state == CLOSED and owner.take() & POLLERR and tcb.take_error() == ETIMEDOUT
    assert scene.counters.tcp_ext.TCPAbortOnTimeout == 1 and scene.leaves_nothing()


def test_default_patience_is_924_seconds():
    scene, _peer, tcb, _ = sending(M, rtt_ms=0)
    start = scene.now
    while tcb.state == ESTABLISHED:
        scene.advance(s=10)
    assert 924 <= (scene.now - start) / SECOND <= 1060


def test_a_soft_icmp_error_is_what_the_timeout_reports():
    scene, peer, tcb, _ = sending(M, scene=Scene(tcp_retries2=3), rtt_ms=0)
    peer.icmp(1, EHOSTUNREACH)
    assert tcb.state == ESTABLISHED
    scene.advance(s=10)
    assert tcb.take_error() == EHOSTUNREACH


def test_user_timeout():
    scene, _peer, tcb, _ = sending(M, rtt_ms=0)
    tcb.settings.user_timeout_ns = 2 * SECOND
    scene.advance(s=1.9)
    assert tcb.state == ESTABLISHED
    scene.advance(s=5)
    assert tcb.take_error() == ETIMEDOUT


def test_newreno_third_duplicate_ack_retransmits_once():
    scene, peer, tcb, _ = sending()
    peer.drain()
    for _ in range(2):
        peer.send(ACK, seq=1, ack=1)
    assert tcb.info()["ca_state"] == CA_DISORDER
    # RFC 3042: each of the first two lets one new segment out.
    assert seqs(peer.drain()) == [(1 + 10 * M, M), (1 + 11 * M, M)]
    peer.send(ACK, seq=1, ack=1)
    assert tcb.info()["ca_state"] == CA_RECOVERY and tcb.info()["snd_ssthresh"] == 7
    assert peer.take().seq == 1
    assert scene.counters.tcp_ext.TCPFastRetrans == 1 and scene.counters.tcp_ext.TCPRenoRecovery == 1


def test_newreno_partial_ack_retransmits_the_next_hole():
    scene, peer, tcb, _ = sending(20 * M)
    peer.drain()
    for _ in range(3):
        peer.send(ACK, seq=1, ack=1)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    assert (1 + 4 * M, M) in seqs(peer.drain())
    peer.send(ACK, seq=1, ack=(tcb.snd_nxt - peer.iss) & 0xFFFFFFFF)
    assert tcb.info()["ca_state"] == CA_RECOVERY
    tcb.send(b"n" * M, scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=(tcb.snd_nxt - peer.iss) & 0xFFFFFFFF)
    assert tcb.info()["ca_state"] == CA_OPEN and tcb.info()["snd_cwnd"] >= 7


def test_rfc6582_no_second_fast_retransmit_for_acks_of_the_first():
    scene, peer, tcb, _ = sending(10 * M)
    peer.drain()
    for _ in range(4):
        peer.send(ACK, seq=1, ack=1)
    peer.drain()
    lowered = tcb.info()["snd_ssthresh"]
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    tcb.send(b"n" * M, scene.now)
    peer.drain()
    for _ in range(3):
        peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert not [s for s in peer.drain() if s.seq <= 10 * M] and tcb.info()["snd_ssthresh"] == lowered


def test_sack_three_segments_above_a_hole_mark_it_lost():
    scene, peer, tcb, _ = sending(10 * M, sack_permitted=True)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 2 * M)])
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 3 * M)])
    peer.expect_nothing()
    info = tcb.info()
    assert (info["ca_state"], info["sacked"], info["lost"]) == (CA_DISORDER, 2, 0)
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 4 * M)])
    peer.expect(ACK, seq=1, length=M)
    info = tcb.info()
    assert (info["ca_state"], info["sacked"], info["lost"], info["retrans"]) == (CA_RECOVERY, 3, 1, 1)
    assert scene.counters.tcp_ext.TCPSackRecovery == 1
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    # 0.7 of 10, and CUBIC's curve is a segment up by the time this ACK tells of ten.
    assert tcb.info()["ca_state"] == CA_OPEN and tcb.info()["snd_cwnd"] == 8


def test_sack_retransmits_every_hole_and_nothing_that_arrived():
    scene, peer, tcb, _ = sending(10 * M, scene=Scene(tcp_recovery=0), sack_permitted=True)
    peer.drain()
    blocks = [(1 + 9 * M, 1 + 10 * M), (1 + 4 * M, 1 + 7 * M), (1 + M, 1 + 2 * M)]
    peer.send(ACK, seq=1, ack=1, sack=blocks)
    assert tcb.info()["lost"] == 3
    got = seqs(peer.drain())
    for _ in range(6):
        scene.advance(ms=1)
        peer.send(ACK, seq=1, ack=1, sack=blocks)
        got += seqs(peer.drain())
    assert got[:1] == [(1, M)] and set(got) <= {(1, M), (1 + 2 * M, M), (1 + 3 * M, M)}


def test_sack_of_part_of_a_super_segment_splits_its_record():
    scene, peer, tcb, _ = sending(10 * M, cwnd=20, scene=Scene(gso_max=65535, tcp_min_tso_segs=20), sack_permitted=True)
    assert len(scene.sender.sent) == 1
    peer.drain()
    assert tcb.info()["unacked"] == 10
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 2 * M, 1 + 5 * M)])
    info = tcb.info()
    assert (info["unacked"], info["sacked"], info["lost"]) == (10, 3, 2)
    assert seqs(peer.drain())[0] in ((1, 2 * M), (1, M))
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 2 * M + 500, 1 + 6 * M + 700)])
    assert tcb.info()["sacked"] == 4
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert tcb.info()["unacked"] == 0 and tcb.board.count() == 0


def test_nonsense_sack_blocks_are_ignored():
    scene, peer, tcb, _ = sending(10 * M, sack_permitted=True)
    peer.drain()
    for block in ((5 * M, 4 * M), (1 + 50 * M, 1 + 60 * M), (-5000, 3000), (1, 1)):
        peer.send(ACK, seq=1, ack=1, sack=[(block[0] & 0xFFFFFFFF, block[1] & 0xFFFFFFFF)])
    assert tcb.info()["sacked"] == 0
    assert scene.counters.tcp_ext.TCPSACKDiscard >= 2


def test_sacked_neighbours_that_become_one_are_counted():
    scene, peer, _tcb, _ = sending(10 * M, sack_permitted=True)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 2 * M, 1 + 4 * M)])
    assert scene.counters.tcp_ext.TCPSackMerged == 1
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 2 * M, 1 + 7 * M)])
    assert scene.counters.tcp_ext.TCPSackMerged == 4


def test_reneging_is_met_by_the_timer():
    scene, peer, tcb, _ = sending(10 * M, sack_permitted=True)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 10 * M)])
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + M)
    scene.advance(s=1)
    assert scene.counters.tcp_ext.TCPSACKReneging == 1
    assert tcb.info()["sacked"] == 0
    sent = peer.drain()
    assert sent and sent[0].seq == 1 + M


def test_no_rate_is_measured_on_what_a_peer_reneged_upon():
    scene, peer, tcb, _ = sending(10 * M, sack_permitted=True, rtt_ms=100)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 10 * M)])
    peer.send(ACK, seq=1, ack=1 + M)
    before = tcb.rate.latest_interval_ns, tcb.rate.latest_delivered
    scene.advance(ms=150)
    peer.drain()
    assert scene.counters.tcp_ext.TCPSACKReneging == 1 and tcb.is_reneged
    scene.advance(ms=150)
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    assert tcb.is_reneged and (tcb.rate.latest_interval_ns, tcb.rate.latest_delivered) == before
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert not tcb.is_reneged and (tcb.rate.latest_interval_ns, tcb.rate.latest_delivered) == before
    tcb.send(bytes(5 * M), scene.now)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 15 * M)
    assert (tcb.rate.latest_interval_ns, tcb.rate.latest_delivered) == (100 * MS, 5)


def test_tail_of_a_record_acknowledged_in_part_is_kept():
    scene, peer, tcb, _ = sending(10 * M, scene=Scene(gso_max=65535))
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 2500)
    assert tcb.info()["unacked"] == 8 and tcb.outq() == 7500
    scene.advance(s=2)
    assert peer.drain()[0].seq == 1 + 2500


def test_fin_is_retransmitted_with_the_last_text():
    scene, peer, tcb, _ = sending(M, rtt_ms=0)
    tcb.shutdown_send(scene.now)
    peer.drain()
    scene.advance(ms=250)
    peer.expect(ACK, seq=1, length=M)
    peer.send(ACK, seq=1, ack=1 + M)
    peer.expect(ACK | FIN, seq=1 + M, length=0)


def test_a_floor_that_refuses_packets_only_delays():
    scene, peer, _tcb, _ = sending(M, rtt_ms=0)
    peer.drain()
    scene.sender.refuse = -105
    scene.advance(ms=250)
    peer.expect_nothing()
    scene.sender.refuse = 0
    scene.advance(ms=450)
    peer.expect(ACK, seq=1, length=M)


def test_frag_needed_lowers_the_mss_and_sends_again():
    scene, peer, tcb, _ = sending(5 * M)
    peer.drain()
    peer.icmp(1 + 60 * M, EMSGSIZE, code=4, info=576)
    peer.expect_nothing()
    assert scene.sender.mtu == 1500
    peer.icmp(1, EMSGSIZE, code=4, info=576)
    assert tcb.info()["snd_mss"] == 536
    sent = peer.drain()
    assert sent[0].seq == 1 and len(sent[0].payload) == 536
    assert tcb.info()["snd_ssthresh"] > 1000


def test_a_path_that_dies_is_looked_up_again_before_the_next_segment():
    scene, peer, tcb, _ = sending(5 * M)
    peer.drain()
    scene.sender.new_mtu(900)
    peer.send(ACK, seq=1, ack=1 + 5 * M)
    tcb.send(b"n" * 3000, scene.now)
    assert tcb.info()["snd_mss"] == 860 and len(peer.take().payload) == 860


def test_rto_keeps_200_ms_above_a_steady_round_trip():
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    assert rtt.rto == SECOND
    for i in range(200):
        rtt.sample(100 * MS, i * 10 + 5, i * 10 + 10, i)
    assert 299 * MS <= rtt.rto <= 301 * MS
    rtt.sample(3600 * SECOND, 5000, 6000, 0)
    assert rtt.rto == 120 * SECOND


def test_rfc6298_first_sample():
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(SECOND, 1, 2, 0)
    assert (rtt.srtt, rtt.rttvar, rtt.rto) == (SECOND, SECOND // 2, 3 * SECOND)


def test_min_rtt_is_forgotten_after_five_minutes():
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(10 * MS, 1, 2, 0)
    rtt.sample(20 * MS, 2, 3, SECOND)
    assert rtt.min_rtt == 10 * MS
    rtt.sample(20 * MS, 3, 4, 400 * SECOND)
    assert rtt.min_rtt == 20 * MS


def test_what_is_acknowledged_in_the_batch_it_left_in_took_a_tick():
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(2 * MS, 1, 2, 0)
    rtt.sample(0, 2, 3, SECOND)
    assert rtt.min_rtt == MS


def test_scoreboard_is_never_scanned_whole():
    scene, peer, tcb, _ = sending(4000 * M, cwnd=4000, sack_permitted=True)
    tcb.snd_buf = 1 << 30
    tcb.send(b"d" * 4000 * M, scene.now)
    peer.drain()
    for i in range(1, 400):
        # One growing block above a hole, as a receiver reports one loss.
        peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + (1 + i) * M)])
        peer.drain()
    assert tcb.board.count() < tcb.board.packets_out - 390


def test_timestamps_sample_round_trips_longer_than_the_first_rto():
    scene, peer, tcb, _ = sending(500, rtt_ms=0, ts=(1, 0))
    first = peer.drain()[0]
    scene.advance(s=4)
    peer.drain()
    peer.ts_recent = first.ts[0]
    peer.send(ACK, seq=1, ack=501)
    assert tcb.rtt.latest == 4 * SECOND and tcb.backoff == 0


def test_rfc9293_3_8_6_1_a_window_shrunk_to_zero_under_data_is_probed_while_answered():
    scene, peer, tcb, _ = sending(M, scene=Scene(tcp_retries2=3), rtt_ms=0)
    for _ in range(300):
        if peer.drain():
            peer.send(ACK, seq=1, ack=1, wnd=0)
        scene.advance(s=1)
    assert tcb.state == ESTABLISHED
    peer.send(ACK, seq=1, ack=1 + M)
    assert tcb.outq() == 0
    tcb.abort(scene.now)


def test_a_window_shrunk_to_zero_does_not_keep_a_silent_peer():
    scene, peer, tcb, _ = sending(M, scene=Scene(tcp_retries2=3), rtt_ms=0)
    peer.send(ACK, seq=1, ack=1, wnd=0)
    scene.advance(s=500)
    assert tcb.state == CLOSED and tcb.take_error() == ETIMEDOUT


def test_a_duplicate_told_of_when_nothing_is_out_is_counted_as_delivered():
    scene, peer, tcb, _ = sending(M, sack_permitted=True)
    scene.advance(s=2)
    sent = len(peer.drain())
    peer.send(ACK, seq=1, ack=1 + M)
    before = tcb.rate.delivered
    peer.send(ACK, seq=1, ack=1 + M, sack=[(1, 1 + M)])
    assert sent > 1 and tcb.rate.delivered == before + 1
    # The SYN,ACK is no text.
    assert scene.counters.tcp_ext.TCPDelivered == tcb.rate.delivered - 1


def test_a_retransmission_that_did_not_leave_moves_neither_departure_nor_timer():
    scene, peer, tcb, _ = sending(10 * M, sack_permitted=True)
    tcb.settings.max_pacing_rate = 100 * M
    tcb.settings_changed(scene.now)
    peer.drain()
    scene.advance(ms=50)
    record, next_at = tcb.board.record(0), tcb.pacer.next_at
    before = record.delivered
    scene.sender.refuse = -105
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 3 * M, 1 + 6 * M)])
    assert tcb.ca_state == CA_RECOVERY and scene.counters.tcp_ext.TCPRetransFail == 1
    assert tcb.pacer.next_at == next_at and record.delivered == before
    again = tcb.rtx_timer.expires_at
    scene.advance(ms=20)
    peer.send(ACK, seq=1, ack=1, sack=[(1 + 3 * M, 1 + 7 * M)])
    assert scene.counters.tcp_ext.TCPRetransFail == 2 and tcb.rtx_timer.expires_at == again


# A simulation begins at 0, which is an instant like any other.


def at_the_beginning():
    """A scene at instant 0, and its connection, opened in no time."""
    scene = Scene()
    scene.now = 0
    peer = scene.peer(wrap=False)
    tcb, owner = peer.open_passive(scene.listen(), mss=M, sack_permitted=True)
    return scene, peer, tcb, owner


def test_a_user_timeout_counts_from_a_syn_sent_at_the_beginning():
    scene = Scene()
    scene.now = 0
    settings = Settings()
    settings.user_timeout_ns = 1500 * MS
    peer = scene.peer(local_port=5000, wrap=False)
    tcb = scene.tcp.connect(Owner(), scene.tcp.bind(b"", 5000, 4, 0), peer.remote, peer.remote_port, settings, 0)
    scene.advance(ms=1499)
    assert tcb.state != CLOSED and len(peer.drain()) == 2
    scene.advance(ms=1)
    assert tcb.state == CLOSED and tcb.take_error() == ETIMEDOUT


def test_a_flight_sent_at_the_beginning_measures_the_rate():
    scene, peer, tcb, _ = at_the_beginning()
    tcb.send(bytes(5 * M), scene.now)
    peer.drain()
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 5 * M)
    assert (tcb.rate.latest_delivered, tcb.rate.latest_interval_ns) == (5, 100 * MS)


def test_a_window_fades_after_text_that_was_last_sent_at_the_beginning():
    scene, peer, tcb, _ = at_the_beginning()
    tcb.cc.cwnd = 80
    tcb.send(bytes(5 * M), scene.now)
    scene.advance(ms=1)
    peer.send(ACK, seq=1, ack=1 + 5 * M)
    scene.advance(s=60)
    tcb.send(b"x", scene.now)
    assert tcb.cc.cwnd == 10


def test_a_retransmission_at_the_beginning_is_one():
    scene, peer, tcb, _ = at_the_beginning()
    tcb.send(bytes(10 * M), scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 6 * M)])
    assert peer.expect(ACK, seq=1, length=M) and tcb.ca_state == CA_RECOVERY
    assert tcb.retrans_at == scene.now == 0
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert scene.counters.tcp_ext.TCPFullUndo == 0 and tcb.cc.ssthresh < 10
