"""CUBIC (RFC 9438) and its slow starts (RFC 9406, Linux's HyStart), without a network: an ACK at a time."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion.cubic import Cubic
from usernet.tcp.congestion.hystart import AckTrain, HystartLinux, HystartPlusPlus, HystartWithTrain
from usernet.tcp.const import ACK, CA_OPEN, INFINITE_SSTHRESH
from usernet.tcp.rate import AckSample, DeliveryRate
from usernet.tcp.rtt import RttEstimator
from usernet.testing.peer import Scene

M = 1000


def control(cwnd, rtt_ms=100, ssthresh=None):
    """A CUBIC whose window is always used."""
    cc = Cubic()
    rtt = RttEstimator(200 * MS, 120 * SECOND)
    rtt.sample(rtt_ms * MS, 0, 1, 0)
    cc.attach(rtt, DeliveryRate(), TcpExtMib())
    cc.cwnd = cwnd
    cc.ssthresh = cwnd if ssthresh is None else ssthresh
    cc.is_cwnd_limited = True
    cc.mss = M
    return cc


def run(cc, seconds, now=SECOND, rtt_ms=100):
    """Acknowledge a window a round trip, segment by segment; the instant it ends."""
    sample = AckSample()
    end = now + int(seconds * SECOND)
    while now < end:
        for _ in range(cc.cwnd):
            sample.acked, sample.rtt_ns = 1, rtt_ms * MS
            cc.on_ack(sample, now)
            now += rtt_ms * MS // cc.cwnd
    return now


def lose(cc, now):
    cc.prior_cwnd = cc.cwnd
    cc.ssthresh = cc.on_loss(now)
    cc.cwnd = cc.ssthresh


def test_4_6_beta_is_seven_tenths_and_two_segments_the_least():
    cc = control(100)
    assert cc.on_loss(0) == 70 and cc.cwnd_prior == 100
    cc.cwnd = 2
    assert cc.on_loss(0) == 2


def test_4_2_the_window_is_concave_to_w_max_then_convex():
    cc = control(1000)
    lose(cc, SECOND)
    now = run(cc, 1)
    steps, before = [], cc.cwnd
    for _ in range(16):
        now = run(cc, 1, now)
        steps.append(cc.cwnd - before)
        before = cc.cwnd
    k = cc.k
    assert k == pytest.approx((300 / 0.4) ** (1 / 3), rel=0.01)
    plateau = steps.index(min(steps))
    assert plateau == pytest.approx(k - 1, abs=2.5)
    assert steps[0] > steps[2] > steps[4] > steps[plateau] < steps[-5] < steps[-3] < steps[-1]


def test_4_2_growth_is_at_most_half_of_what_was_acknowledged():
    cc = control(10)
    lose(cc, SECOND)
    cc.w_max, cc.cwnd = 5000.0, 7
    before = cc.cwnd
    run(cc, 0.05)
    assert cc.cwnd <= before * 1.5 + 1


def test_4_3_w_est_grows_with_alpha_then_as_reno():
    cc = control(20, rtt_ms=10)
    lose(cc, SECOND)
    run(cc, 0.1, rtt_ms=10)  # ten round trips at 0.53 segments each
    assert 18 <= cc.cwnd <= 20 and cc.alpha == pytest.approx(3 * 0.3 / 1.7)
    run(cc, 0.3, SECOND + 100 * MS, rtt_ms=10)
    assert cc.w_est >= cc.cwnd_prior and cc.alpha == 1.0


def test_4_7_fast_convergence_gives_way():
    cc = control(1000)
    lose(cc, SECOND)
    cc.cwnd = 800
    lose(cc, 2 * SECOND)
    assert cc.w_max == pytest.approx(800 * 0.85)


def test_4_8_after_a_timeout_k_is_0_and_the_curve_starts_at_cwnd():
    cc = control(100)
    lose(cc, SECOND)
    cc.on_timeout(SECOND)
    cc.cwnd = cc.ssthresh = 70
    run(cc, 0.1)
    assert cc.k == 0 and cc.origin == 70 and cc.w_est >= 70


def test_4_9_a_spurious_loss_restores_window_and_curve():
    cc = control(1000)
    lose(cc, SECOND)
    run(cc, 2)
    kept = (cc.w_max, cc.k, cc.epoch_at, cc.w_est, cc.cwnd_prior, cc.cwnd)
    cc.prior_cwnd = cc.cwnd
    cc.cwnd = cc.on_loss(4 * SECOND)
    assert cc.w_max != kept[0]
    cc.cwnd = cc.undo()
    assert (cc.w_max, cc.k, cc.epoch_at, cc.w_est, cc.cwnd_prior, cc.cwnd) == kept
    cc.cwnd = cc.prior_cwnd + 5
    assert cc.undo() == cc.prior_cwnd + 5  # never below what it is by now


def test_4_10_slow_start_that_ends_without_a_loss_starts_the_curve_there():
    cc = control(50)
    run(cc, 0.1)
    assert cc.k == 0 and cc.origin == 50 and cc.cwnd_prior == 50


def test_a_loss_and_a_timeout_end_the_epoch():
    cc = control(100)
    run(cc, 1)
    assert cc.epoch_at > 0
    lose(cc, 3 * SECOND)
    assert cc.epoch_at == 0
    now = run(cc, 1, now=4 * SECOND)
    assert cc.epoch_at > 0 and cc.k > 0
    cc.hystart.round_end = 7
    cc.on_timeout(now)
    assert cc.epoch_at == 0 and cc.k == cc.w_max == cc.w_est == 0 and cc.hystart.round_end == 0


def test_the_curve_is_looked_at_each_32nd_of_a_second_while_the_window_stays():
    cc = control(1000)
    lose(cc, SECOND)
    sample = AckSample()
    sample.acked = 1
    cc.on_ack(sample, SECOND)
    looked = cc.looked_at
    cc.on_ack(sample, looked + SECOND // 32)
    assert cc.looked_at == looked
    cc.on_ack(sample, looked + SECOND // 32 + 1)
    assert cc.looked_at > looked
    looked = cc.looked_at
    cc.cwnd += 1
    cc.on_ack(sample, looked + 1)
    assert cc.looked_at == looked + 1


def test_4_3_the_window_follows_w_est_where_that_is_larger():
    cc = control(100)
    lose(cc, SECOND)
    sample = AckSample()
    sample.acked = 1
    cc.on_ack(sample, SECOND)
    before, cc.w_est = cc.w_est, 80.0
    assert cc.cwnd == 70 and before == pytest.approx(70 + 9 / 17 / 70)  # alpha for each of a window
    cc.on_ack(sample, SECOND + 40 * MS)
    assert cc.per == 70 // 10


def test_5_8_a_pause_is_no_part_of_the_epoch_and_does_not_begin_it_later_than_now():
    cc = control(100)
    run(cc, 0.001)
    began = cc.epoch_at
    cc.on_restart(3 * SECOND, began + 5 * SECOND)
    assert cc.epoch_at == began + 3 * SECOND
    cc.on_restart(3 * SECOND, began + 5 * SECOND)
    assert cc.epoch_at == began + 5 * SECOND


def test_4_9_all_of_the_curve_comes_back():
    cc = control(100)
    lose(cc, SECOND)
    now = run(cc, 2, now=2 * SECOND)
    before = (cc.w_max, cc.k, cc.origin, cc.w_est, cc.cwnd_prior, cc.epoch_at, cc.cwnd)
    lose(cc, now)
    cc.on_timeout(now)
    cc.cwnd = cc.undo()
    assert (cc.w_max, cc.k, cc.origin, cc.w_est, cc.cwnd_prior, cc.epoch_at, cc.cwnd) == before


def test_5_8_an_unused_window_does_not_grow_and_idle_time_does_not_count():
    cc = control(100)
    lose(cc, SECOND)
    now = run(cc, 1)
    cc.is_cwnd_limited, before = False, cc.cwnd
    run(cc, 1, now)
    assert cc.cwnd == before
    epoch = cc.epoch_at
    cc.on_restart(10 * SECOND, now + 10 * SECOND)
    assert cc.epoch_at == epoch + 10 * SECOND


# RFC 9406 and HyStart.


class Rounds:
    """Slow start, round trip after round trip, every other segment acknowledged; ``gap_ms`` lies between two ACKs."""

    def __init__(self, hystart, cwnd=20):
        self.cc = control(cwnd, ssthresh=INFINITE_SSTHRESH)
        self.cc.hystart = hystart
        self.now = 10 * SECOND

    def round(self, rtt_ms, gap_ms=5):
        cc, sample = self.cc, AckSample()
        window = cc.cwnd
        for sent in range(0, window, 2):
            sample.clear()
            sample.acked = sample.delivered = 2
            sample.ca_state = CA_OPEN
            sample.rtt_ns = int(rtt_ms * MS)
            cc.rate.delivered += 2
            sample.in_flight = window - sent - 2 + (cc.cwnd - window)
            cc.max_packets_out = cc.cwnd
            cc.on_ack(sample, self.now)
            self.now += int(gap_ms * MS)
        return cc.cwnd

    def has_left(self):
        return self.cc.ssthresh < INFINITE_SSTHRESH


def test_rfc9406_a_steady_round_trip_keeps_slow_start():
    rounds = Rounds(HystartPlusPlus())
    assert [rounds.round(100) for _ in range(4)] == [40, 80, 160, 320] and not rounds.has_left()


def test_rfc9406_4_2_a_longer_round_trip_leads_to_conservative_slow_start():
    rounds = Rounds(HystartPlusPlus())
    rounds.round(100)
    before = rounds.round(100)
    after = rounds.round(120)
    assert rounds.cc.hystart.in_css and not rounds.has_left()
    assert after < before * 1.5


def test_rfc9406_4_2_css_ends_in_congestion_avoidance_after_five_rounds():
    rounds = Rounds(HystartPlusPlus())
    for rtt in (100, 100, 120):
        rounds.round(rtt)
    passed = 0
    while not rounds.has_left():
        rounds.round(125)
        passed += 1
        assert passed < 10
    assert 4 <= passed <= 6 and rounds.cc.ssthresh <= rounds.cc.cwnd


def test_rfc9406_4_2_css_recants_when_the_round_trip_falls_again():
    rounds = Rounds(HystartPlusPlus())
    for rtt in (100, 100, 120):
        rounds.round(rtt)
    before = rounds.cc.cwnd
    assert rounds.cc.hystart.in_css
    rounds.round(100)
    rounds.round(100)
    assert not rounds.cc.hystart.in_css and rounds.cc.cwnd > 2.5 * before and not rounds.has_left()


@pytest.mark.parametrize(("rtt", "more", "leaves"), [(100, 11, False), (100, 13, True), (20, 3, False), (20, 5, True),
                                                     (400, 15, False), (400, 17, True)])  # fmt: skip
def test_rfc9406_4_3_the_threshold_is_an_eighth_between_4_and_16_ms(rtt, more, leaves):
    rounds = Rounds(HystartPlusPlus())
    rounds.round(rtt)
    rounds.round(rtt)
    rounds.round(rtt + more)
    assert rounds.cc.hystart.in_css == leaves


def test_rfc9406_4_2_eight_samples_are_needed():
    rounds = Rounds(HystartPlusPlus(), cwnd=10)
    rounds.round(100)
    cc, sample = rounds.cc, AckSample()
    rounds.round(100)
    for i in range(8):
        sample.clear()
        sample.acked, sample.rtt_ns = 1, 150 * MS
        sample.in_flight = cc.cwnd
        cc.rate.delivered += 1
        assert not cc.hystart.in_css, i
        cc.on_ack(sample, rounds.now)
    assert cc.hystart.in_css


def test_rfc9406_4_3_later_slow_starts_are_reno_s():
    rounds = Rounds(HystartPlusPlus())
    rounds.cc.ssthresh = 10_000
    for rtt in (100, 100, 200, 300):
        rounds.round(rtt)
    assert rounds.cc.cwnd == 320 and rounds.cc.ssthresh == 10_000


@pytest.mark.parametrize("make", [HystartLinux, HystartWithTrain])
def test_a_train_of_acks_as_long_as_half_the_round_trip_ends_slow_start(make):
    rounds = Rounds(make(), cwnd=80)
    rounds.round(100, gap_ms=0.1)
    assert not rounds.has_left()  # 40 ACKs in 4 ms
    rounds.round(100, gap_ms=1)
    assert rounds.has_left() and rounds.cc.ssthresh < 320
    ext = rounds.cc.ext
    assert (ext.TCPHystartTrainDetect, ext.TCPHystartTrainCwnd) == (1, rounds.cc.ssthresh)
    assert ext.TCPHystartDelayDetect == ext.TCPHystartDelayCwnd == 0


@pytest.mark.parametrize("make", [HystartLinux, HystartWithTrain])
def test_pacing_makes_trains_of_half_a_round_trip_by_itself(make):
    rounds = Rounds(make(), cwnd=80)
    rounds.cc.is_paced = True
    rounds.round(100)
    for _ in range(2):
        rounds.cc.cwnd = 120
        rounds.round(100, gap_ms=1)
        assert not rounds.has_left()
    rounds.cc.cwnd = 220
    rounds.round(100, gap_ms=1)
    assert rounds.has_left()


@pytest.mark.parametrize("make", [HystartLinux, HystartPlusPlus])
def test_after_a_timeout_no_round_trip_of_before_is_compared(make):
    rounds = Rounds(make())
    rounds.round(100)
    rounds.cc.hystart.reset()
    rounds.cc.cwnd = 20
    rounds.round(150)
    rounds.cc.cwnd = 20
    rounds.round(151)
    assert not rounds.has_left() and rounds.cc.cwnd == 40


def test_a_train_is_longer_by_what_four_super_segments_take_and_a_millisecond_at_most():
    for cwnd, rtt, slack in ((80, 100 * MS, MS), (1000, MS, 262_144 * MS // 2_000_000)):
        cc, train = control(cwnd, rtt_ms=rtt // MS, ssthresh=INFINITE_SSTHRESH), AckTrain()
        longest = (rtt + slack) // 2
        train.begin(0)
        for at in range(0, longest, MS):
            assert not train.fills_path(cc, rtt, at)
        assert not train.fills_path(cc, rtt, longest)
        assert train.fills_path(cc, rtt, longest + 1)
        assert not train.fills_path(cc, rtt, longest + 3 * MS)  # a gap: another train


def test_below_sixteen_segments_nothing_is_looked_for():
    for cwnd, leaves in ((15, False), (16, True)):
        rounds = Rounds(HystartLinux(), cwnd=100)
        rounds.round(100)
        sample = AckSample()
        rounds.cc.cwnd, rounds.cc.hystart.round_end = cwnd, 0
        for _ in range(12):
            sample.rtt_ns, sample.acked = 200 * MS, 0
            rounds.now += 5 * MS
            rounds.cc.hystart.acknowledged(rounds.cc, sample, rounds.now)
        assert rounds.has_left() is leaves


def test_hystart_as_linux_has_it_finds_once_until_a_timeout():
    for gap, second in ((5, 130), (1, 100)):
        rounds = Rounds(HystartLinux(), cwnd=80)
        rounds.round(100)
        rounds.cc.cwnd = 160
        rounds.round(second, gap_ms=gap)
        assert rounds.has_left()
        rounds.cc.ssthresh, rounds.cc.cwnd = INFINITE_SSTHRESH, 160
        rounds.round(200, gap_ms=1)
        assert not rounds.has_left()
        rounds.cc.on_timeout(rounds.now)
        rounds.cc.ssthresh, rounds.cc.cwnd = INFINITE_SSTHRESH, 80
        rounds.round(100)
        rounds.cc.cwnd = 80
        rounds.round(130)
        assert rounds.has_left()


def test_in_the_second_after_a_recovery_round_trips_tell_of_the_loss():
    for later, looks in ((0.9, False), (1.0, True)):
        cc = control(100, ssthresh=100)
        run(cc, 0.001)  # the epoch begins
        cc.ssthresh = INFINITE_SSTHRESH
        sample = AckSample()
        sample.acked, sample.rtt_ns = 1, 77 * MS
        cc.rate.delivered = 1
        cc.on_ack(sample, cc.epoch_at + int(later * SECOND))
        assert (cc.hystart.round_end > 0) is looks


def test_hystart_as_linux_has_it_leaves_at_once():
    rounds = Rounds(HystartLinux())
    rounds.round(100)
    rounds.round(120)
    assert rounds.has_left() and rounds.cc.cwnd < 80
    ext = rounds.cc.ext
    assert (ext.TCPHystartDelayDetect, ext.TCPHystartDelayCwnd) == (1, rounds.cc.ssthresh)
    assert ext.TCPHystartTrainDetect == ext.TCPHystartTrainCwnd == 0


def test_conservative_slow_start_that_was_right_counts_as_a_delay():
    rounds = Rounds(HystartPlusPlus())
    rounds.round(100)
    while not rounds.has_left():
        rounds.round(120)
    ext = rounds.cc.ext
    assert (ext.TCPHystartDelayDetect, ext.TCPHystartDelayCwnd) == (1, rounds.cc.ssthresh)


def test_the_sysctl_chooses_the_slow_start():
    for value, kind in ((1, HystartLinux), (2, HystartPlusPlus), (3, HystartWithTrain)):
        scene = Scene(tcp_cubic_hystart=value)
        peer = scene.peer()
        tcb, _ = peer.open_passive(scene.listen(), mss=M)
        assert type(tcb.cc.hystart) is kind
    scene = Scene(tcp_cubic_hystart=0)
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    tcb.send(b"d" * 10 * M, scene.now)
    scene.advance(ms=100)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert tcb.cc.cwnd == 20
