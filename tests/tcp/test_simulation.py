"""Two stacks over a wire that loses, duplicates and reorders: every octet arrives once, in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.const import SECOND
from usernet.tcp.const import FAIL_OPTION_SEND
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner
from usernet.testing.wire import A, B, Pair


class Flow:
    """One direction of a connection: what is written and what was read."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.read = bytearray()
        self.eof = False

    def pump(self, sender, reader, now, chunk, read_size):
        while self.at < len(self.data):
            n = sender.send(self.data[self.at : self.at + chunk], now)
            assert n >= 0, n
            if n == 0:
                break
            self.at += n
        while reader is not None and not self.eof:
            octets = reader.recv(read_size, False, now)
            if octets is None:
                break
            if octets == b"":
                self.eof = True
            self.read += octets


def connect(pair, client_settings=None, server_settings=None):
    binding = pair.b.bind(b"", 80, 4, 1)
    listener = pair.b.listen(Owner(), binding, 16, server_settings or Settings())
    client = pair.a.connect(Owner(), None, B, 80, client_settings or Settings(), pair.now)
    server = None
    for _ in range(40_000):
        pair.run(ms=100)
        server = server or listener.accept(pair.now)
        if server is not None and client.state == 1:
            break
    assert server is not None, "no connection"
    server.owner = Owner()
    return client, server, listener, binding


def transfer(pair, up, down, chunk=50000, read_size=1 << 20, limit_s=3600, **kw):
    client, server, listener, binding = connect(pair, **kw)
    forth, back = Flow(up), Flow(down)
    closed = set()
    end = pair.now + limit_s * SECOND
    while pair.now < end and not (forth.eof and back.eof):
        forth.pump(client, server, pair.now, chunk, read_size)
        back.pump(server, client, pair.now, chunk, read_size)
        for flow, tcb in ((forth, client), (back, server)):
            if flow.at == len(flow.data) and tcb not in closed:
                closed.add(tcb)
                tcb.shutdown_send(pair.now)
        if not pair.step(end):
            break
    took = pair.now
    assert bytes(forth.read) == up and forth.eof
    assert bytes(back.read) == down and back.eof
    # The last ACKs are still on their way.
    pair.run(ms=500)
    info = client.info(), server.info()
    client.close(pair.now)
    server.close(pair.now)
    listener.close(pair.now)
    pair.b.unbind(binding)
    pair.run(s=2000)
    assert pair.leaves_nothing(), [(t.state) for tcp in pair.tcps.values() for t in tcp.tcbs()]
    return took, info


def pattern(n):
    return (bytes(range(251)) * (n // 251 + 1))[:n]


def test_clean_wire_bulk_both_ways():
    pair = Pair()
    transfer(pair, pattern(3_000_000), pattern(2_000_000))
    counters = pair.contexts[b"\x0a\0\0\1"].counters
    assert counters.tcp.RetransSegs == 0


def test_whole_super_segments_are_acknowledged_one_for_one():
    pair = Pair(whole=True)
    _, (client, server) = transfer(pair, pattern(4_000_000), b"")
    assert client["total_retrans"] == 0
    assert server["segs_out"] < server["data_segs_in"] + 50


def test_lossy_wire_is_byte_exact():
    pair = Pair(loss=0.03, duplicate=0.01, reorder=0.02, delay_ms=20)
    transfer(pair, pattern(1_000_000), pattern(500_000))


def test_lossy_wire_without_sack_and_timestamps_is_byte_exact():
    pair = Pair(loss=0.03, duplicate=0.01, reorder=0.02, delay_ms=20)
    pair.contexts[b"\x0a\0\0\1"].sysctl.set("net.ipv4.tcp_sack", 0)
    pair.contexts[b"\x0a\0\0\1"].sysctl.set("net.ipv4.tcp_timestamps", 0)
    transfer(pair, pattern(1_000_000), pattern(500_000))


def test_memory_that_senders_hold_on_both_ends_stops_nobody():
    # Nobody reads before the whole of a request is written, and together they are more than both pools hold.
    pair = Pair(pool=500_000, delay_ms=1)
    locked = Settings()
    locked.sndbuf = 400_000
    listener = pair.b.listen(Owner(), pair.b.bind(b"", 80, 4, 1), 16, locked)
    ends = [pair.a.connect(Owner(), None, B, 80, locked.copy(), pair.now) for _ in range(8)]
    pair.run(ms=100)
    ends += [listener.accept(pair.now) for _ in ends]
    for tcb in ends:
        tcb.owner = Owner()
        while tcb.send(b"x" * 1000, pair.now) > 0:
            pass
    assert all(pair.contexts[end].pool.used > 499_000 for end in (A, B))
    for _ in range(200):
        pair.run(s=1)
        for tcb in ends:
            while tcb.recv(1 << 20, False, pair.now):
                pass
    assert not [tcb for tcb in ends if tcb.outq()]


def test_narrow_link_is_filled():
    # 10 Mbit/s, 40 ms: 5 MB take 4.2 s at best.
    pair = Pair(rate=1_250_000, delay_ms=20, queue=60_000)
    start = pair.now
    took, _ = transfer(pair, pattern(5_000_000), b"")
    assert (took - start) / SECOND < 5.5


@settings(max_examples=30)
@given(
    seed=st.binary(min_size=4, max_size=4),
    loss=st.sampled_from([0, 0.01, 0.1, 0.3]),
    duplicate=st.sampled_from([0, 0.05]),
    reorder=st.sampled_from([0, 0.05, 0.3]),
    up=st.integers(0, 120_000),
    down=st.integers(0, 120_000),
    chunk=st.sampled_from([1, 700, 5000, 100_000]),
    read_size=st.sampled_from([100, 4096, 1 << 20]),
    gso=st.sampled_from([0, 65535]),
    whole=st.booleans(),
    sack=st.integers(0, 1),
    timestamps=st.integers(0, 1),
    scaling=st.integers(0, 1),
    congestion=st.sampled_from(["cubic", "reno"]),
    nodelay=st.booleans(),
    mtu=st.sampled_from([1500, 576, 9000]),
    rcvbuf=st.sampled_from([0, 4096, 20000]),
)
def test_every_octet_arrives_once_in_order(
    seed, loss, duplicate, reorder, up, down, chunk, read_size, gso, whole, sack, timestamps, scaling, congestion,
    nodelay, mtu, rcvbuf,
):  # fmt: skip
    if chunk == 1:
        up, down = min(up, 500), min(down, 500)
    pair = Pair(seed=seed, loss=loss, duplicate=duplicate, reorder=reorder, gso_max=gso, whole=whole, mtu=mtu)
    for context in pair.contexts.values():
        context.sysctl.set("net.ipv4.tcp_sack", sack)
        context.sysctl.set("net.ipv4.tcp_timestamps", timestamps)
        context.sysctl.set("net.ipv4.tcp_window_scaling", scaling)
        context.sysctl.set("net.ipv4.tcp_congestion_control", congestion)
        context.sysctl.set("net.ipv4.tcp_retries2", 100)
        context.sysctl.set("net.ipv4.tcp_orphan_retries", 100)
        context.sysctl.set("net.ipv4.tcp_synack_retries", 30)
    options = Settings()
    options.nodelay = nodelay
    options.rcvbuf = rcvbuf
    options.syncnt = 20
    transfer(
        pair, pattern(up), pattern(down), chunk, read_size, limit_s=40_000,
        client_settings=options, server_settings=options.copy(),
    )  # fmt: skip


# Marks instead of losses.


@pytest.mark.parametrize("mode", [1, 3])
def test_marks_slow_a_sender_down_without_a_loss(mode):
    pair = Pair(mark=0.01, tcp_ecn=mode)
    start = pair.now
    took, (client, server) = transfer(pair, pattern(4_000_000), b"")
    assert client["total_retrans"] == 0 and pair.marked[B] > 10
    assert client["snd_ssthresh"] < 0x7FFFFFFF and client["delivered_ce"] > 0
    # Slower than the wire, which has no end to its rate, would have it; but not by stalling.
    assert 0.2 < (took - start) / SECOND < 60
    assert server["received_ce"] == pair.marked[B]


@pytest.mark.parametrize("whole", [False, True])
def test_accurate_ecn_reports_every_mark_and_octet(whole):
    pair = Pair(mark=0.1, tcp_ecn=3, whole=whole)
    _, (client, server) = transfer(pair, pattern(2_000_000), pattern(500_000))
    for here, there in ((client, server), (server, client)):
        # The last marks may still be on their way back, as pure ACKs are marked too.
        assert 0 <= there["received_ce"] - here["delivered_ce"] <= 7
        for octets in ("ce_bytes", "e0_bytes", "e1_bytes"):
            assert here["delivered_" + octets] == there["received_" + octets]
        assert here["accecn_fail_mode"] == 0
    assert client["delivered_ce_bytes"] + client["delivered_e0_bytes"] == 2_000_000


@settings(max_examples=15)
@given(
    seed=st.binary(min_size=4, max_size=4),
    loss=st.sampled_from([0, 0.01, 0.05]),
    reorder=st.sampled_from([0, 0.02]),
    mark=st.sampled_from([0.01, 0.2, 1.0]),
    stamps=st.booleans(),
)
def test_accurate_ecn_loses_no_count_on_a_bad_wire(seed, loss, reorder, mark, stamps):
    pair = Pair(seed=seed, loss=loss, reorder=reorder, mark=mark, tcp_ecn=3, tcp_timestamps=int(stamps))
    _, (client, server) = transfer(pair, pattern(300_000), pattern(100_000))
    for here, there in ((client, server), (server, client)):
        # What the last ACKs tell may be lost with them, and so may eight marks of pure ACKs at a time. But with options
        # no mark is believed that was not made, but for eights that large ACKs without one may hide, one of a whole
        # window for instance.
        missing = there["received_ce"] - here["delivered_ce"]
        if here["accecn_opt_seen"] == 2 and not there["accecn_fail_mode"] & FAIL_OPTION_SEND:
            assert missing >= -128
            assert -2 <= there["received_ce_bytes"] - here["delivered_ce_bytes"] <= 30_000
