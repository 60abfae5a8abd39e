"""Congestion-window validation: RFC 7661 where net.ipv4.tcp_rfc7661 says so, else Linux's form of RFC 2861."""

import pytest

from usernet.core.const import MS, SECOND
from usernet.tcp.const import ACK, CA_CWR, CA_LOSS, CA_OPEN, CA_RECOVERY, GROWS_WHEN_FULL, INFINITE_SSTHRESH
from usernet.tcp.cwv import WindowValidation
from usernet.tcp.reduction import enter_cwr
from usernet.testing.peer import Scene

M = 1000
RTT = 100


class Sender:
    """A connection with an MSS of 1000 and a round trip of 100 ms, and the peer's ACKs for it."""

    def __init__(self, *, rfc7661=1, cwnd=10, control="reno", **options):
        self.scene = Scene(tcp_rfc7661=rfc7661, tcp_congestion_control=control)
        self.peer = self.scene.peer()
        options = {"mss": M, "wscale": 7, "wnd": 60000, "sack_permitted": True, **options}
        self.tcb, _ = self.peer.open_passive(self.scene.listen(), rtt_ms=RTT, **options)
        self.tcb.cc.cwnd = cwnd
        self.tcb.snd_buf = 1 << 20
        self.sent = 0
        self.acked = 0

    def write(self, segs):
        """Hand over so many segments, and give them time to leave."""
        assert self.tcb.send(b"d" * segs * M, self.scene.now) == segs * M
        self.sent += segs

    def ack(self, upto, **fields):
        self.acked = upto
        self.peer.send(ACK, seq=1, ack=1 + upto * M, **fields)

    def round(self, segs):
        """So many segments are written, leave, and are acknowledged a round trip later."""
        self.write(segs)
        self.scene.advance(ms=RTT)
        self.ack(self.sent)

    def nonvalidated(self):
        return self.tcb.cwv.is_nonvalidated

    def idle(self, *, s):
        self.scene.advance(s=s)


def in_nonvalidated_phase(*, pipe=10, cwnd=40, **options):
    """A sender that kept ``cwnd`` while it used ``pipe`` a round trip."""
    sender = Sender(cwnd=2 * pipe, **options)
    sender.round(pipe)
    sender.tcb.cc.cwnd, sender.tcb.cc.ssthresh = cwnd, cwnd
    sender.round(pipe)
    assert sender.nonvalidated() and sender.tcb.cc.cwnd == cwnd and sender.tcb.cwv.pipe_ack == pipe
    sender.peer.drain()
    return sender


def test_the_sysctl_is_off_and_read_as_a_connection_begins():
    assert Sender(rfc7661=0).tcb.cwv is None
    sender = Sender()
    sender.scene.context.sysctl.set("net.ipv4.tcp_rfc7661", 0)
    assert sender.tcb.cwv is not None


def test_rfc7661_4_1_a_connection_starts_validated_and_its_pipe_ack_is_undefined():
    sender = Sender(cwnd=1000)
    assert not sender.tcb.cwv.is_defined and not sender.nonvalidated() and sender.tcb.cc.may_grow()


def test_rfc7661_4_2_pipe_ack_is_what_a_round_trip_acknowledged():
    sender = Sender(cwnd=40)
    sender.write(12)
    sender.scene.advance(ms=RTT)
    for upto in range(2, 12, 2):
        sender.ack(upto)
        assert not sender.tcb.cwv.is_defined
    sender.ack(12)
    assert sender.tcb.cwv.is_defined and sender.tcb.cwv.pipe_ack == 12


def test_rfc7661_4_2_pipe_ack_is_the_largest_of_the_sampling_period_and_no_more():
    cwv = WindowValidation()
    for at, segs, largest in ((0, 30, 30), (300, 4, 30), (600, 20, 30), (900, 3, 30), (1150, 2, 20), (2200, 2, 2)):
        assert cwv.acknowledged(100, 100, segs, segs, RTT * MS, at * MS)
        assert cwv.pipe_ack == largest, at


@pytest.mark.parametrize(("rtt_ms", "period_ms"), ((100, 1000), (500, 1500)))
def test_rfc7661_4_2_the_sampling_period_is_three_round_trips_and_a_second_at_least(rtt_ms, period_ms):
    cwv = WindowValidation()
    cwv.acknowledged(100, 100, 30, 30, rtt_ms * MS, 0)
    cwv.paused(rtt_ms * MS, period_ms * MS)
    assert cwv.pipe_ack == 30
    cwv.paused(rtt_ms * MS, period_ms * MS + 1)
    assert cwv.pipe_ack == 0


def test_rfc7661_4_2_what_is_selectively_acknowledged_counts():
    sender = Sender(cwnd=40)
    sender.write(12)
    sender.scene.advance(ms=RTT)
    sender.ack(0, sack=[(1 + M, 1 + 2 * M)])
    sender.ack(12)
    assert sender.tcb.cwv.pipe_ack == 12


def test_rfc7661_4_2_nothing_is_measured_in_recovery():
    sender = in_nonvalidated_phase()
    sender.write(10)
    sender.scene.advance(ms=RTT)
    sender.ack(20, sack=[(1 + 21 * M, 1 + 25 * M)])
    assert sender.tcb.ca_state == CA_RECOVERY
    sender.ack(25)
    assert sender.tcb.ca_state == CA_RECOVERY and not sender.tcb.cwv.is_defined


def test_rfc7661_4_3_a_window_used_by_half_is_validated_and_grows():
    sender = Sender(cwnd=20)
    sender.round(10)
    assert not sender.nonvalidated() and sender.tcb.cc.cwnd == 30


def test_rfc7661_4_3_a_segment_less_than_half_does_not_validate_it():
    sender = Sender(cwnd=21)
    sender.round(10)
    assert sender.nonvalidated() and sender.tcb.cc.cwnd == 21


def test_rfc7661_4_3_slow_start_is_validated_throughout():
    sender = Sender()
    for segs in (10, 20, 40, 80):
        sender.write(segs)
        sender.scene.advance(ms=RTT)
        while sender.acked < sender.sent:
            sender.ack(sender.acked + 2)
            assert not sender.nonvalidated()
    assert sender.tcb.cc.cwnd == 160


def test_rfc7661_4_4_a_window_used_by_less_than_half_neither_grows_nor_fades():
    sender = in_nonvalidated_phase()
    for _ in range(100):
        sender.round(10)
        assert sender.nonvalidated() and sender.tcb.cc.cwnd == 40
    sender.idle(s=200)
    sender.write(10)
    assert sender.nonvalidated() and sender.tcb.cc.cwnd == 40


def test_rfc7661_4_4_fully_used_it_grows_and_is_validated_a_round_trip_later():
    sender = in_nonvalidated_phase()
    sender.write(60)
    sender.scene.advance(ms=RTT)
    assert sender.tcb.board.packets_out == 40
    sender.ack(sender.acked + 2)
    assert sender.nonvalidated() and sender.tcb.cc.cwnd == 40 and sender.tcb.cc.cwnd_cnt > 0
    sender.scene.advance(ms=RTT)
    sender.ack(sender.sent - 18)
    assert not sender.nonvalidated()


def test_rfc7661_4_3_a_pause_keeps_the_window_that_linux_lets_fade():
    sender, linux = Sender(cwnd=80), Sender(rfc7661=0, cwnd=80)
    for each in (sender, linux):
        each.round(80)
        each.tcb.cc.cwnd = 80
        each.idle(s=30)
        each.write(1)
    assert (sender.tcb.cc.cwnd, linux.tcb.cc.cwnd) == (80, 10)


@pytest.mark.parametrize(("in_flight", "kept"), ((6, 10), (16, 16)))
def test_rfc7661_4_4_1_a_loss_leaves_half_of_what_was_used(in_flight, kept):
    sender = in_nonvalidated_phase()
    sender.write(in_flight)
    sender.scene.advance(ms=RTT)
    assert sender.tcb.board.packets_out == in_flight
    base = sender.acked
    sender.ack(base, sack=[(1 + (base + 1) * M, 1 + (base + 5) * M)])
    cc = sender.tcb.cc
    assert sender.tcb.ca_state == CA_RECOVERY and cc.ssthresh == kept // 2 and not sender.nonvalidated()
    sender.ack(base + in_flight)
    # One segment was sent again: R.
    assert sender.tcb.ca_state == CA_OPEN and cc.cwnd >= (kept - 1) // 2 and cc.ssthresh == (kept - 1) // 2
    assert not sender.tcb.cwv.is_defined and not sender.nonvalidated()


def test_rfc7661_4_4_1_r_is_what_was_sent_again_each_segment_once():
    sender = in_nonvalidated_phase(pipe=16, cwnd=64)
    sender.write(16)
    sender.scene.advance(ms=RTT)
    base = sender.acked
    sender.peer.drain()
    sender.ack(base, sack=[(1 + (base + 4) * M, 1 + (base + 16) * M)])
    sender.scene.advance(ms=RTT)
    again = [sent for sent in sender.peer.drain() if sent.seq < 1 + (base + 4) * M]
    assert len(again) == 4 and sender.tcb.cwv.repaired == 4
    sender.ack(base + 16)
    assert sender.tcb.cc.ssthresh == (16 - 4) // 2


def test_rfc7661_4_4_1_what_is_lost_twice_counts_once():
    sender = in_nonvalidated_phase(pipe=16, cwnd=64)
    sender.write(16)
    sender.scene.advance(ms=RTT)
    base = sender.acked
    sender.ack(base, sack=[(1 + (base + 1) * M, 1 + (base + 16) * M)])
    sender.write(4)
    sender.scene.advance(ms=RTT)
    sender.ack(base, sack=[(1 + (base + 1) * M, 1 + (base + 20) * M)])
    sender.scene.advance(ms=RTT)
    assert sender.tcb.total_retrans >= 2 and sender.tcb.cwv.repaired == 1


def test_rfc7661_4_4_1_prr_lets_half_of_what_is_delivered_out():
    sender = in_nonvalidated_phase()
    sender.write(16)
    sender.scene.advance(ms=RTT)
    base = sender.acked
    sender.ack(base, sack=[(1 + (base + 1) * M, 1 + (base + 6) * M)])
    in_flight = 16 - 5 - 1
    assert sender.tcb.cc.cwnd == in_flight + (5 * 8 + 15) // 16


def test_rfc7661_4_4_1_cwnd_is_one_segment_at_least():
    sender = in_nonvalidated_phase(pipe=2, cwnd=40)
    sender.write(2)
    enter_cwr(sender.tcb, sender.scene.now)
    assert sender.tcb.cc.cwnd == 1 and sender.tcb.cc.ssthresh == 1
    sender.scene.advance(ms=RTT)
    sender.ack(sender.sent)
    sender.round(1)
    assert sender.tcb.ca_state == CA_OPEN and sender.tcb.cc.ssthresh == 2


def test_rfc7661_4_4_1_a_mark_leaves_half_of_what_was_used():
    sender = in_nonvalidated_phase()
    sender.write(4)
    enter_cwr(sender.tcb, sender.scene.now)
    assert sender.tcb.ca_state == CA_CWR and sender.tcb.cc.cwnd == 5 and not sender.nonvalidated()


def test_rfc7661_4_4_1_a_timeout_leaves_half_of_what_was_used_in_ssthresh():
    sender = in_nonvalidated_phase()
    sender.write(4)
    sender.scene.advance(s=1)
    assert sender.tcb.ca_state == CA_LOSS and sender.tcb.cc.ssthresh == 5 and not sender.nonvalidated()


def test_rfc7661_4_4_1_a_timeout_ends_the_reduction_it_falls_into():
    sender = in_nonvalidated_phase()
    sender.write(10)
    sender.scene.advance(ms=RTT)
    sender.ack(sender.acked, sack=[(1 + (sender.acked + 1) * M, 1 + (sender.acked + 5) * M)])
    assert sender.tcb.cwv.is_reducing
    sender.scene.advance(s=2)
    assert sender.tcb.ca_state == CA_LOSS and not sender.tcb.cwv.is_reducing


def test_rfc7661_4_4_1_a_validated_window_is_reduced_by_the_control():
    sender = Sender(cwnd=20)
    sender.write(20)
    sender.scene.advance(ms=RTT)
    sender.ack(0, sack=[(1 + M, 1 + 5 * M)])
    assert sender.tcb.ca_state == CA_RECOVERY and sender.tcb.cc.ssthresh == 10


def test_rfc7661_4_4_2_a_nonvalidated_window_leaves_in_no_burst():
    sender = in_nonvalidated_phase()
    sender.write(40)
    assert sender.tcb.pacer.is_on and 0 < len(sender.peer.drain()) < 6
    sender.scene.advance(ms=RTT)
    assert sender.tcb.board.packets_out == 40


def test_rfc7661_4_4_2_a_validated_window_is_not_paced():
    sender = in_nonvalidated_phase()
    sender.write(60)
    sender.scene.advance(ms=RTT)
    sender.ack(sender.acked + 2)
    sender.scene.advance(ms=RTT)
    sender.ack(sender.sent - 18)
    assert not sender.tcb.pacer.is_on


def test_rfc7661_4_4_3_after_five_minutes_cwnd_is_half_and_ssthresh_remembers_three_quarters():
    sender = in_nonvalidated_phase(pipe=8)
    sender.tcb.cc.ssthresh = 20
    sender.tcb.cwv.nonvalidated_at = sender.scene.now - 299 * SECOND
    sender.round(8)
    assert sender.tcb.cc.cwnd == 40
    sender.tcb.cwv.nonvalidated_at -= SECOND
    sender.round(8)
    assert (sender.tcb.cc.cwnd, sender.tcb.cc.ssthresh) == (20, 30)


def test_rfc7661_4_4_3_a_long_pause_counts_each_five_minutes_down_to_the_initial_window():
    for seconds, cwnd in ((250, 160), (310, 80), (620, 40), (3600, 10)):
        sender = Sender(cwnd=160)
        sender.round(160)
        sender.tcb.cc.cwnd, sender.tcb.cc.ssthresh = 160, 100
        sender.idle(s=seconds)
        sender.write(1)
        assert sender.tcb.cc.cwnd == cwnd and sender.tcb.cc.ssthresh == (100 if cwnd == 160 else 120), seconds


def test_rfc7661_4_4_3_periods_that_passed_at_the_initial_window_take_nothing_back_later():
    sender = Sender(cwnd=160)
    sender.round(160)
    sender.idle(s=3600)
    sender.write(100)
    assert sender.tcb.cc.cwnd == 10
    sender.scene.advance(ms=RTT)
    for _ in range(5):
        sender.ack(sender.acked + 2)
    assert sender.tcb.cc.cwnd == 20 and not sender.nonvalidated()


def test_rfc7661_4_4_3_a_window_below_the_initial_one_is_not_raised():
    sender = in_nonvalidated_phase(pipe=2, cwnd=8)
    sender.idle(s=3600)
    sender.write(1)
    assert sender.tcb.cc.cwnd == 8


def test_a_change_of_control_keeps_the_phase():
    sender = in_nonvalidated_phase()
    sender.tcb.settings.congestion = "cubic"
    sender.tcb.settings_changed(sender.scene.now)
    cc = sender.tcb.cc
    assert sender.nonvalidated() and cc.growth_rule == GROWS_WHEN_FULL and sender.tcb.pacer.is_on
    # A model has a window of its own.
    sender.tcb.settings.congestion = "bbr"
    sender.tcb.settings_changed(sender.scene.now)
    enter_cwr(sender.tcb, sender.scene.now)
    assert not sender.tcb.cwv.is_reducing


def test_a_model_keeps_its_own_window():
    sender = Sender(control="bbr")
    for _ in range(5):
        sender.round(2)
    sender.idle(s=3600)
    sender.write(2)
    assert not sender.nonvalidated() and sender.tcb.cc.ssthresh == INFINITE_SSTHRESH


# Linux's form.


def test_linux_a_window_not_full_for_a_timeout_fades_halfway_to_what_was_used():
    sender = Sender(rfc7661=0)
    sender.tcb.cc.cwnd, sender.tcb.cc.ssthresh = 40, 20
    sender.round(16)
    assert sender.tcb.rtt.rto == 300 * MS
    sender.scene.advance(ms=150)
    sender.write(1)
    sender.scene.advance(ms=149)
    sender.write(1)
    assert sender.tcb.cc.cwnd == 40
    sender.scene.advance(ms=1)
    sender.write(1)
    assert sender.tcb.cc.cwnd == (40 + 16) // 2 and sender.tcb.cc.ssthresh == 30


@pytest.mark.parametrize("ssthresh", (20, 50))
def test_linux_a_pause_leaves_three_quarters_in_ssthresh_unless_it_was_more(ssthresh):
    sender = Sender(rfc7661=0)
    sender.tcb.cc.cwnd, sender.tcb.cc.ssthresh = 40, ssthresh
    sender.round(4)
    sender.idle(s=30)
    sender.write(1)
    assert sender.tcb.cc.cwnd == 10 and sender.tcb.cc.ssthresh == max(30, ssthresh)
