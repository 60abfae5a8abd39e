"""What connections to one peer leave to the next: Linux's tcp_metrics (RFC 9040)."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import Counters
from usernet.tcp.const import ACK, CA_OPEN, CA_RECOVERY, FIN, INFINITE_SSTHRESH, RTO_FALLBACK, RTO_INITIAL, SYN
from usernet.tcp.metrics import save_metrics
from usernet.tcp.peers import Peer, Peers
from usernet.tcp.settings import Settings
from usernet.testing.peer import LOCAL, REMOTE, Scene

A_PEER = REMOTE + LOCAL
FORGOTTEN_AFTER = 3600 * SECOND
REMEMBERED = 8192


class Visits:
    """Connections of one peer, one after the other."""

    def __init__(self, **sysctls):
        self.scene = Scene(**sysctls)
        self.listener = self.scene.listen()
        self.visits = 0
        self.open()

    def open(self, rtt_ms=100):
        self.visits += 1
        self.rtt_ms = rtt_ms
        self.peer = self.scene.peer(remote_port=40000 + self.visits, wrap=self.visits == 1)
        self.tcb, _ = self.peer.open_passive(self.listener, rtt_ms=rtt_ms)
        return self.tcb

    def end(self):
        """The peer closes first, so that LAST_ACK is the end."""
        self.peer.send(FIN | ACK, seq=1, ack=1)
        self.tcb.close(self.scene.now)
        self.peer.drain()
        self.scene.advance(ms=self.rtt_ms)
        self.peer.send(ACK, seq=2, ack=2)

    def known(self):
        return self.scene.tcp.peers.recall(A_PEER, self.scene.now)


def test_the_first_timeout_is_by_the_longer_round_trip_of_earlier_connections():
    visits = Visits()
    assert visits.tcb.rtt.rto == 300 * MS
    visits.end()
    assert visits.known().rtt == 100 * MS and visits.known().rttvar == 100 * MS
    tcb = visits.open(rtt_ms=10)
    assert tcb.rtt.rto == 300 * MS
    assert tcb.rtt.srtt == 10 * MS and tcb.rtt.mdev == 5 * MS  # the estimate is the handshake's


def test_a_longer_round_trip_of_the_handshake_counts():
    visits = Visits()
    visits.end()
    assert visits.open(rtt_ms=150).rtt.rto == 450 * MS
    visits.end()
    assert visits.known().rtt == 150 * MS


def test_without_a_sample_of_the_handshake_what_is_known_stands_in_for_the_fallback():
    scene = Scene(tcp_timestamps=0)
    listener = scene.listen()
    for port, known, rto in ((40001, 0, RTO_FALLBACK), (40002, 400 * MS, 1200 * MS)):
        scene.tcp.peers.remember(A_PEER, scene.now).rtt = known
        peer = scene.peer(remote_port=port, wrap=port == 40001)
        peer.send(SYN, mss=1000)
        scene.advance(ms=1100)  # the SYN,ACK goes again: which of them is answered nobody knows
        peer.drain()
        peer.send(ACK, seq=1, ack=1)
        tcb = listener.accept(scene.now)
        assert tcb.rtt.srtt == 0 and tcb.rtt.rto == rto
        assert tcb.rtt.rttvar == (rto if rto == RTO_FALLBACK else RTO_INITIAL) >> 2


def test_time_wait_saves_as_last_ack_does():
    visits = Visits()
    visits.tcb.close(visits.scene.now)
    visits.peer.drain()
    visits.scene.advance(ms=100)
    visits.peer.send(FIN | ACK, seq=1, ack=2)
    assert visits.known().rtt == 100 * MS


def test_an_orphan_in_fin_wait_2_has_learned_what_it_will_once():
    visits = Visits()
    visits.tcb.close(visits.scene.now)
    visits.peer.drain()
    assert visits.known() is None
    visits.peer.send(ACK, seq=1, ack=2)
    visits.known().rtt = 900 * MS
    visits.peer.send(FIN | ACK, seq=1, ack=2)
    assert visits.known().rtt == 900 * MS


def test_a_reset_teaches_nothing():
    visits = Visits()
    visits.tcb.abort(visits.scene.now)
    assert visits.known() is None


@pytest.mark.parametrize("backoff, srtt", [(1, 100 * MS), (0, 0)])
def test_who_measured_nothing_at_the_end_makes_the_known_round_trip_doubtful(backoff, srtt):
    visits = Visits()
    visits.tcb.backoff, visits.tcb.rtt.srtt, visits.tcb.cc.cwnd = backoff, srtt, 500
    save_metrics(visits.tcb, visits.scene.now)
    assert visits.known() is None
    peer = visits.scene.tcp.peers.remember(A_PEER, visits.scene.now)
    peer.rtt, peer.rttvar, peer.cwnd = MS, MS, 10
    save_metrics(visits.tcb, visits.scene.now)
    assert (peer.rtt, peer.rttvar, peer.cwnd) == (0, MS, 10)


def test_nothing_is_saved_where_the_sysctl_says_so():
    visits = Visits(tcp_no_metrics_save=1)
    visits.end()
    assert visits.known() is None


@pytest.mark.parametrize(
    "rtt, mdev, learned",
    [
        (200, 10, (200, 100)),  # up at once, and the step is the deviation
        (20, 10, (90, 80)),  # down by an eighth
        (100, 60, (100, 60)),
        (100, 10, (100, 33)),  # the deviation down by a quarter
    ],
)
def test_a_round_trip_is_rather_too_long_than_too_short(rtt, mdev, learned):
    peer = Peer(0)
    peer.rtt, peer.rttvar = 100, 40
    peer.learn_rtt(rtt, mdev)
    assert (peer.rtt, peer.rttvar) == learned


@pytest.mark.parametrize(
    "cwnd, ssthresh, state, known, learned",
    [
        # Slow start was never left: the most that went.
        (40, INFINITE_SSTHRESH, CA_OPEN, (0, 0), (40, 0)),
        (40, INFINITE_SSTHRESH, CA_OPEN, (60, 30), (60, 30)),
        (80, INFINITE_SSTHRESH, CA_OPEN, (60, 30), (80, 40)),
        # Congestion avoidance.
        (40, 10, CA_OPEN, (20, 0), (30, 20)),
        (20, 15, CA_OPEN, (20, 40), (20, 15)),
        # Neither: what is known of the window moves to half of ssthresh and itself.
        (5, 10, CA_OPEN, (20, 0), (15, 0)),
        (5, 10, CA_OPEN, (20, 8), (15, 10)),
        (40, 10, CA_RECOVERY, (20, 12), (15, 12)),
    ],
)
def test_windows_are_learned_by_where_the_connection_stood(cwnd, ssthresh, state, known, learned):
    visits = Visits(tcp_no_ssthresh_metrics_save=0)
    peer = visits.scene.tcp.peers.remember(A_PEER, visits.scene.now)
    peer.cwnd, peer.ssthresh = known
    tcb = visits.tcb
    tcb.cc.cwnd, tcb.cc.ssthresh, tcb.ca_state = cwnd, ssthresh, state
    save_metrics(tcb, visits.scene.now)
    assert (peer.cwnd, peer.ssthresh) == learned


def test_ssthresh_is_neither_saved_nor_used_by_default():
    visits = Visits()
    visits.tcb.cc.cwnd, visits.tcb.cc.ssthresh = 20, 10
    visits.end()
    assert visits.known().ssthresh == 0 and visits.known().cwnd == 10
    visits.known().ssthresh = 7
    assert visits.open().cc.ssthresh == INFINITE_SSTHRESH
    visits.scene.context.sysctl.set("net.ipv4.tcp_no_ssthresh_metrics_save", 0)
    assert visits.open().cc.ssthresh == 7 and visits.tcb.cc.cwnd == 10  # the window begins as ever


def test_reordering_is_remembered_and_begins_the_next():
    visits = Visits()
    visits.tcb.reordering, visits.tcb.cc.cwnd, visits.tcb.cc.ssthresh = 17, 5, 10
    visits.end()
    assert visits.known().reordering == 17
    assert visits.open().reordering == 17


def test_after_an_hour_nothing_is_known_of_the_path_and_cookies_stay():
    peers = Peers(Counters())
    peer = peers.remember(A_PEER, SECOND)
    peer.rtt, peer.cwnd, peer.cookie, peer.mss = MS, 10, b"12345678", 1460
    assert peers.recall(A_PEER, SECOND + FORGOTTEN_AFTER).rtt == MS
    later = peers.recall(A_PEER, SECOND + FORGOTTEN_AFTER + 1)
    assert later is peer and (peer.rtt, peer.cwnd, peer.saved_at) == (0, 0, SECOND + FORGOTTEN_AFTER + 1)
    assert (peer.cookie, peer.mss) == (b"12345678", 1460)


def test_peers_are_bounded_and_who_learned_longest_ago_goes_first():
    counters = Counters()
    peers = Peers(counters)
    for i in range(REMEMBERED):
        peers.remember(i.to_bytes(8, "big"), 0)
    peers.remember(bytes(8), 0)
    assert not counters.drops
    peers.remember(b"x" * 8, 0)
    assert counters.drops == {"tcp_metrics_full": 1}
    assert peers.recall(bytes(8), 0) is not None and peers.recall((1).to_bytes(8, "big"), 0) is None
    assert len(list(peers.items())) == REMEMBERED


def test_without_cookies_the_last_quarter_of_the_backlog_is_for_peers_known_of_old():
    scene = Scene(tcp_syncookies=0, tcp_max_syn_backlog=4)
    listener = scene.listen()
    for port in range(40001, 40005):
        scene.peer(remote_port=port, wrap=False).send(SYN, mss=1000)
    assert len(listener.requests) == 4 and scene.counters.tcp_ext.ListenDrops == 0
    stranger = scene.peer(remote_port=40009, wrap=False)
    stranger.send(SYN, mss=1000)
    assert scene.counters.tcp_ext.ListenDrops == 1
    scene.tcp.peers.remember(A_PEER, scene.now).rtt = 10 * MS
    stranger.send(SYN, mss=1000)
    assert len(listener.requests) == 5 and scene.counters.tcp_ext.ListenDrops == 1


def test_a_client_learns_and_uses_as_a_server_does():
    scene = Scene()
    scene.tcp.peers.remember(A_PEER, scene.now).rtt = 200 * MS
    peer = scene.peer(remote_port=80, local_port=5000)
    tcb, _ = peer.open_active(Settings())
    assert tcb.rtt.rto == 600 * MS
