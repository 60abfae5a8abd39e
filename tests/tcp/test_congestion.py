"""Congestion controls on a simulated bottleneck: what they carry, the queue they leave, how they share."""

from itertools import pairwise

import pytest
from bottleneck import Bottleneck

from usernet.tcp.congestion.bbr1 import Bbr1
from usernet.tcp.congestion.bbr3 import Bbr3

MBIT = 125_000


def link(mbit=10, rtt_ms=40, queue=100_000, **kw):
    return Bottleneck(rate=mbit * MBIT, delay_ms=rtt_ms / 2, queue=queue, **kw)


@pytest.mark.parametrize("name", ["cubic", "reno", "bbr", "bbr3", "dctcp", "prague", "vegas", "ledbat"])
def test_one_flow_fills_the_link(name):
    net = link()
    net.flow(name)
    net.run(s=8)
    (rate,), _ = net.measure(5)
    assert rate >= 0.85 * net.rate


@pytest.mark.parametrize("name", ["bbr", "bbr3", "vegas"])
def test_model_based_controls_keep_the_queue_short(name):
    """A tenth of the buffer would be 40 kB; the loss-based ones stand at 80 kB."""
    net = link()
    net.flow(name)
    net.run(s=5)
    _, queue = net.measure(5)
    assert queue < 20_000
    other = link()
    other.flow("cubic")
    other.run(s=5)
    assert other.measure(5)[1] > 60_000


@pytest.mark.parametrize("name", ["cubic", "reno", "bbr", "bbr3", "dctcp", "prague"])
def test_two_flows_share(name):
    marks = {"dctcp": 30_000, "prague": 15_000}.get(name, 0)
    shares = []
    # Where one round trip decides on marks, flows lock in phase: some beginnings are needed to see the middle.
    for late_s in (0.05, 0.1, 0.15) if name == "dctcp" else (0,):
        net = link(rtt_ms=20, mark_above=marks)
        net.flow(name)
        net.run(s=2 + late_s)
        net.flow(name)
        net.run(s=20)
        (one, other), _ = net.measure(20)
        shares.append(one / (one + other))
    assert 0.4 <= sum(shares) / len(shares) <= 0.6, shares
    assert one + other >= 0.85 * net.rate


def test_bbr_ignores_random_loss_that_stops_cubic():
    rates = {}
    for name in ("cubic", "bbr", "bbr3"):
        net = link(loss=0.01)
        net.flow(name)
        net.run(s=3)
        (rates[name],), _ = net.measure(8)
    assert rates["bbr"] >= 0.8 * 10 * MBIT
    assert rates["bbr3"] >= 0.6 * 10 * MBIT
    assert rates["cubic"] <= 0.5 * 10 * MBIT


def test_ledbat_yields_to_cubic():
    net = link(queue=150_000)
    net.flow("ledbat")
    net.run(s=10)
    alone, _ = net.measure(5)
    net.flow("cubic")
    net.run(s=10)
    (ledbat, cubic), _ = net.measure(10)
    assert alone[0] > 0.85 * net.rate
    assert ledbat < 0.15 * (ledbat + cubic)


def test_ledbat_aims_at_sixty_milliseconds_of_queue():
    net = link(queue=300_000)
    net.flow("ledbat")
    net.run(s=30)
    _, queue = net.measure(10)
    assert 30_000 <= queue <= 90_000  # 60 ms of the link are 75 kB


def test_rfc8257_the_queue_stands_at_the_marking_threshold():
    net = link(mbit=100, rtt_ms=4, queue=400_000, mark_above=30_000)
    flow = net.flow("dctcp")
    net.run(s=1)
    (rate,), queue = net.measure(1)
    assert rate >= 0.95 * net.rate and 10_000 <= queue <= 32_000
    assert flow.client.total_retrans == 0 and 0 < flow.client.cc.alpha < 0.2


def test_prague_has_a_shorter_queue_than_the_classics():
    net = link(mbit=100, rtt_ms=4, queue=400_000, mark_above=15_000)
    flow = net.flow("prague")
    net.run(s=4)
    (rate,), queue = net.measure(2)
    assert rate >= 0.85 * net.rate and queue <= 15_000
    assert flow.client.info()["delivered_ce"] > 0


# BBR's states.

STATES_1 = {0: "startup", 1: "drain", 2: "probe_bw", 3: "probe_rtt"}
STATES_3 = {0: "startup", 1: "drain", 2: "down", 3: "cruise", 4: "refill", 5: "up", 6: "probe_rtt"}


def states(net, flow, s, names, field):
    """The states a flow goes through."""
    seen = []
    for _ in range(int(s * 200)):
        net.run(ms=5)
        state = names[getattr(flow.client.cc, field)]
        if not seen or seen[-1] != state:
            seen.append(state)
    return seen


def test_bbr1_startup_drain_probe_bandwidth_probe_rtt():
    net = link()
    flow = net.flow("bbr")
    assert isinstance(flow.client.cc, Bbr1) and flow.client.cc.mode == 0
    seen = states(net, flow, 12, STATES_1, "mode")
    assert seen[:3] == ["startup", "drain", "probe_bw"]
    assert "probe_rtt" in seen and seen[seen.index("probe_rtt") + 1] == "probe_bw"


def test_bbr3_goes_round_its_probe_cycle():
    net = link()
    flow = net.flow("bbr3")
    assert isinstance(flow.client.cc, Bbr3) and flow.client.cc.state == 0
    seen = states(net, flow, 12, STATES_3, "state")
    assert seen[:2] == ["startup", "drain"] and seen[2] in ("down", "cruise")
    at = seen.index("refill")
    assert seen[at - 1] in ("cruise", "down") and seen[at + 1 : at + 3] == ["up", "down"]
    assert seen[seen.index("probe_rtt") + 1] == "cruise"


def test_bbr3_probe_rtt_comes_every_five_seconds_and_is_short():
    net = link()
    flow = net.flow("bbr3")
    net.run(s=1)
    entered, inside = [], 0
    was = False
    for _ in range(4000):
        net.run(ms=5)
        now = flow.client.cc.state == 6
        inside += now
        if now and not was:
            entered.append(net.pair.now)
        was = now
    assert len(entered) >= 2 and inside * 5 < 600 * len(entered)
    assert all(4.5e9 < b - a < 8e9 for a, b in pairwise(entered))


def test_bbr_finds_bandwidth_and_round_trip():
    for name in ("bbr", "bbr3"):
        net = link()
        flow = net.flow(name)
        net.run(s=5)
        info = flow.client.cc.info()
        bandwidth = info["bbr_bw_lo"] + (info["bbr_bw_hi"] << 32)
        assert 0.85 * net.rate <= bandwidth <= 1.1 * net.rate
        assert 40_000 <= info["bbr_min_rtt"] <= 46_000


def test_bbr3_bounds_inflight_where_the_buffer_is_shallow():
    net = link(queue=15_000)
    flow = net.flow("bbr3")
    net.run(s=10)
    (rate,), _ = net.measure(10)
    client = flow.client
    assert rate >= 0.7 * net.rate
    assert client.cc.inflight_longterm < 0x7FFFFFFF
    assert client.total_retrans < 0.05 * client.data_segs_out


def test_a_running_connection_changes_its_control():
    net = link()
    flow = net.flow("cubic")
    for name in ("bbr", "bbr3", "reno", "vegas", "ledbat", "prague", "cubic"):
        net.run(s=2)
        flow.client.settings.congestion = name
        flow.client.settings_changed(net.pair.now)
        assert flow.client.cc.name == name
        assert flow.client.pacer.is_on == flow.client.cc.needs_pacing
    net.run(s=2)
    (rate,), _ = net.measure(3)
    assert rate >= 0.8 * net.rate


def test_delivery_rate_is_the_links_and_app_limited_is_told():
    net = link()
    flow = net.flow("bbr")
    net.run(s=4)
    info = flow.client.info()
    assert 0.85 * net.rate <= info["delivery_rate"] <= 1.1 * net.rate and not info["delivery_rate_app_limited"]
    net.flows.clear()
    for _ in range(2):  # the send buffer holds more than the receiver takes at once
        net.run(s=1)
        flow.take(net.pair.now)
    flow.client.send(b"x" * 1000, net.pair.now)
    assert flow.client.rate.app_limited == flow.client.rate.delivered
    net.run(ms=100)
    assert flow.client.rate.app_limited == 0  # that it was sent for want of data is over with its ACK
