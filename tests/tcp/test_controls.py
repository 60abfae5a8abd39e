"""Choosing a congestion control, and bringing one's own."""

from errno import EEXIST, EINVAL, ENOENT

import pytest

from usernet.core.const import MS
from usernet.core.counters import TcpExtMib
from usernet.tcp.congestion import AckSample, CongestionControl, DeliveryRate, RttEstimator
from usernet.tcp.congestion.reno import Reno
from usernet.tcp.const import ACK, GROWS_WHEN_FULL
from usernet.testing.peer import Scene

M = 1000


class Fixed(CongestionControl):
    """A window of ten segments, whatever happens."""

    name = "fixed"

    def on_ack(self, sample, now):
        self.cwnd = 10

    def on_loss(self, now):
        return 10

    def info(self):
        return {"tcpv_enabled": 1, "tcpv_rttcnt": 2, "tcpv_rtt": 3, "tcpv_minrtt": 4}


def connected(scene):
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    return peer, tcb


def error(call, *arguments):
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return caught.value.errno


def test_the_sysctl_chooses_for_new_connections():
    scene = Scene(tcp_congestion_control="reno")
    assert connected(scene)[1].cc.name == "reno"
    assert error(scene.context.sysctl.set, "net.ipv4.tcp_congestion_control", "none such") == EINVAL
    assert connected(Scene())[1].cc.name == "cubic"


def test_available_controls_are_listed_and_not_set():
    scene = Scene()
    shown = scene.context.sysctl.get("net.ipv4.tcp_available_congestion_control")
    assert shown.split() == list(scene.tcp.controls.names()) and shown.startswith("cubic")
    assert error(scene.context.sysctl.set, "net.ipv4.tcp_available_congestion_control", "reno") == EINVAL


def test_allowed_controls_are_some_of_the_available():
    scene = Scene()
    scene.context.sysctl.set("net.ipv4.tcp_allowed_congestion_control", "reno")
    assert scene.tcp.controls.may_choose("reno") and not scene.tcp.controls.may_choose("cubic")
    assert error(scene.context.sysctl.set, "net.ipv4.tcp_allowed_congestion_control", "reno nonsense") == EINVAL
    assert scene.context.sysctl.get("net.ipv4.tcp_allowed_congestion_control") == "reno"


def test_a_registered_control_is_chosen_like_any_other():
    scene = Scene()
    scene.tcp.controls.register(Fixed)
    scene.context.sysctl.set("net.ipv4.tcp_congestion_control", "fixed")
    assert scene.tcp.controls.may_choose("fixed")
    peer, tcb = connected(scene)
    tcb.send(b"d" * 30 * M, scene.now)
    assert sum(len(sent.payload) for sent in peer.drain()) == 10 * M
    scene.advance(ms=50)
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert tcb.info()["congestion"] == "fixed" and tcb.info()["snd_cwnd"] == 10
    assert "fixed" not in Scene().tcp.controls.names()


def test_names_that_cannot_be_registered():
    controls = Scene().tcp.controls

    def named(name):
        return type("Named", (Fixed,), {"name": name})

    assert error(controls.register, named("cubic")) == EEXIST
    assert error(controls.register, named("sixteen letters!")) == EINVAL
    assert error(controls.register, named("")) == EINVAL
    assert error(controls.register, named("a b")) == EINVAL
    assert error(controls.make, "none such") == ENOENT


def test_the_base_class_alone_neither_rules_nor_asks():
    cc = Fixed()
    cc.attach(RttEstimator(200, 1000), DeliveryRate(), TcpExtMib())
    cc.cwnd, cc.prior_cwnd = 5, 9
    assert cc.undo() == 9 and cc.on_echo(0) == 10 and not cc.control(AckSample(), 0)
    assert not (cc.needs_pacing or cc.needs_ecn or cc.wants_losses or cc.is_model_based)


def test_a_control_that_takes_over_begins_with_what_the_other_had():
    other, cc = Reno(), Reno()
    other.attach(RttEstimator(200, 1000), DeliveryRate(), TcpExtMib())
    had = {"cwnd": 33, "ssthresh": 22, "cwnd_clamp": 44, "prior_cwnd": 55, "mss": 1400, "max_packets_out": 11}
    had |= {"growth_rule": GROWS_WHEN_FULL, "is_cwnd_limited": True}
    for name, value in had.items():
        setattr(other, name, value)
    cc.adopt(other)
    assert {name: getattr(cc, name) for name in had} == had
    assert cc.rtt is other.rtt and cc.rate is other.rate and cc.ext is other.ext


def test_slow_start_takes_what_leads_to_ssthresh_and_additive_increase_the_rest():
    cc = Reno()
    cc.cwnd, cc.ssthresh, cc.is_cwnd_limited = 10, 14, True
    cc.standard_increase(20)
    assert cc.cwnd == 15 and cc.cwnd_cnt == 16 - 14
    cc.cwnd, cc.ssthresh, cc.cwnd_cnt = 10, 14, 0
    cc.standard_increase(4)
    assert cc.cwnd == 14 and cc.cwnd_cnt == 0


def test_additive_increase_carries_what_is_left_over_and_owes_at_most_one():
    cc = Reno()
    cc.cwnd = 10
    cc.additive_increase(4, 9)
    assert cc.cwnd == 12 and cc.cwnd_cnt == 1
    cc.cwnd_cnt = 9
    cc.additive_increase(4, 1)  # counted while w was larger
    assert cc.cwnd == 13 and cc.cwnd_cnt == 1


def test_no_window_grows_beyond_its_clamp():
    cc = Reno()
    cc.cwnd_clamp = 15
    cc.cwnd, cc.ssthresh = 10, 100
    assert cc.slow_start(20) == 0 and cc.cwnd == 15
    cc.additive_increase(1, 5)
    assert cc.cwnd == 15


@pytest.mark.parametrize(("rtt_ms", "acks"), ((25, 20), (100, 20), (5, 25 * 20)))
def test_prague_grows_on_a_short_path_as_it_would_over_25_ms(rtt_ms, acks):
    # A segment a round trip; at a fifth of 25 ms a segment in 25 of them, for each is a fifth as long, too.
    scene = Scene()
    tcb = connected(scene)[1]
    cc = scene.tcp.controls.make("prague")
    cc.adopt(tcb.cc)
    cc.rtt.srtt = rtt_ms * MS
    cc.cwnd = cc.ssthresh = 20
    cc.is_cwnd_limited = True
    sample = AckSample()
    count = 0
    while cc.cwnd < 21:
        sample.clear()
        sample.acked = sample.delivered = 1
        cc.on_ack(sample, scene.now)
        count += 1
    assert abs(count - acks) <= 1
