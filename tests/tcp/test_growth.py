"""How a congestion control's window grows, rests and changes hands (RFC 5681, RFC 9438)."""

import pytest
from senders import M, sending

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion.cubic import Cubic
from usernet.tcp.congestion.reno import Reno
from usernet.tcp.const import ACK, CA_CWR, CA_RECOVERY
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.reduction import end_reduction
from usernet.tcp.rtt import RttEstimator
from usernet.tcp.validation import current_ssthresh
from usernet.testing.peer import Scene


def rtt_of(span):
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(span, 0, 1, 0)
    return rtt


def grown(cc, acks, now, rtt_ns):
    sample = AckSample()
    for _ in range(acks):
        sample.acked = 1
        cc.is_cwnd_limited = True
        cc.max_packets_out = cc.cwnd
        cc.on_ack(sample, now)
        now += rtt_ns // max(1, cc.cwnd)
    return now


def test_reno_grows_by_one_segment_a_round_trip():
    cc = Reno()
    cc.cwnd = cc.ssthresh = 20
    grown(cc, 20, 0, 100 * MS)
    assert cc.cwnd == 21
    assert cc.on_loss(0) == 10


def test_growth_needs_use_of_the_window():
    cc = Reno()
    cc.cwnd, cc.ssthresh = 20, 10
    sample = AckSample()
    sample.acked = 20
    for _ in range(10):
        cc.on_ack(sample, 0)
    assert cc.cwnd == 20


def test_slow_start_grows_while_the_window_is_full_or_half_of_it_was_out():
    for is_full, most, cwnd in ((True, 5, 21), (False, 11, 21), (False, 10, 20)):
        cc = Reno()
        cc.cwnd, cc.is_cwnd_limited, cc.max_packets_out = 20, is_full, most
        sample = AckSample()
        sample.acked = 1
        cc.on_ack(sample, 0)
        assert cc.cwnd == cwnd


def test_rfc9438_window_returns_to_w_max_after_k_seconds():
    cc = Cubic()
    cc.cwnd, cc.ssthresh = 1000, 1000
    cc.attach(rtt_of(100 * MS), DeliveryRate(), TcpExtMib())
    cc.ssthresh = cc.on_loss(0)
    cc.cwnd = cc.ssthresh
    assert cc.ssthresh == 700 and cc.w_max == 1000
    now = grown(cc, 1, SECOND, 100 * MS)
    assert cc.k == pytest.approx((300 / 0.4) ** (1 / 3))
    while now < SECOND + int(cc.k * SECOND):
        now = grown(cc, 1, now, 100 * MS)
    assert 940 <= cc.cwnd <= 1010


def test_rfc9438_fast_convergence():
    cc = Cubic()
    cc.cwnd = 1000
    cc.on_loss(0)
    cc.cwnd = 800
    cc.on_loss(0)
    assert cc.w_max == pytest.approx(800 * 0.85)


def test_rfc9438_is_no_slower_than_reno_on_short_paths():
    cc = Cubic()
    cc.cwnd = cc.ssthresh = 10
    cc.attach(rtt_of(MS), DeliveryRate(), TcpExtMib())
    cc.ssthresh = cc.on_loss(0)
    cc.cwnd = cc.ssthresh
    grown(cc, 3000, SECOND, MS)
    assert cc.cwnd >= 40


def test_congestion_control_changes_in_a_running_connection():
    scene, _peer, tcb, _ = sending()
    tcb.settings.congestion = "reno"
    tcb.settings_changed(scene.now)
    assert tcb.info()["congestion"] == "reno" and tcb.info()["snd_cwnd"] == 10
    scene = Scene(tcp_congestion_control="reno")
    tcb, _ = scene.peer().open_passive(scene.listen())
    assert tcb.cc.name == "reno"


def test_idle_connections_start_again_slowly():
    scene, peer, tcb, _ = sending(10 * M)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    tcb.cc.cwnd = 80
    scene.advance(s=30)
    tcb.send(b"x" * 50 * M, scene.now)
    assert len(peer.drain()) == 10 and tcb.cc.ssthresh >= 60


class Restarts(Reno):
    """Notes how long the pauses were."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def on_restart(self, idle_ns, now):
        self.pauses.append(idle_ns)


def test_the_control_hears_of_a_pause_once_when_a_segment_leaves():
    scene, peer, tcb, _ = sending(M)
    peer.drain()
    peer.send(ACK, seq=1, ack=1 + M)
    cc = Restarts()
    cc.adopt(tcb.cc)
    tcb.cc = cc
    left = tcb.lsnd_at
    tcb.settings.cork = True
    for _ in range(3):
        scene.advance(ms=20)
        tcb.send(b"c" * 10, scene.now)
    peer.expect_nothing()
    assert cc.pauses == []
    tcb.settings.cork = False
    tcb.settings_changed(scene.now)
    tcb.send(b"d" * M, scene.now)
    assert peer.drain() and cc.pauses == [scene.now - left]


@pytest.mark.parametrize("name", ("bbr", "bbr3"))
def test_a_model_keeps_its_window_when_a_reduction_ends(name):
    scene, peer, tcb, _ = sending(M)
    peer.drain()
    tcb.settings.congestion = name
    tcb.settings_changed(scene.now)
    tcb.cc.cwnd, tcb.cc.ssthresh, tcb.ca_state = 100, 40, CA_CWR
    end_reduction(tcb, scene.now)
    assert tcb.cc.cwnd == 100


@pytest.mark.parametrize("state", (CA_CWR, CA_RECOVERY))
def test_a_window_on_its_way_down_is_not_remembered_as_reached(state):
    _, _, tcb, _ = sending(M)
    tcb.cc.cwnd, tcb.cc.ssthresh = 98, 50
    assert current_ssthresh(tcb) == 98 // 2 + 98 // 4
    tcb.ca_state = state
    assert current_ssthresh(tcb) == 50
