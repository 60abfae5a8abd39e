"""TCP_INFO: every field of Linux's struct says what happened (RFC 9293 3.10.6)."""

from errno import ENOBUFS

from test_simulation import connect, pattern

from usernet.core.const import MS, SECOND
from usernet.sockets.tcp_info import _FIELDS, pack_tcp_info
from usernet.tcp.const import ACK, CA_LOSS, CA_RECOVERY, ESTABLISHED, PSH
from usernet.tcp.settings import Settings
from usernet.testing.peer import Scene
from usernet.testing.wire import Pair

# Always 0: fields that Linux itself keeps for their place only, and a hash on which no path here depends.
EMPTY = {"fackets", "last_ack_sent", "rehash"}
# Shown by the tests of ECN, which have the marks.
ECN = {"delivered_ce", "received_ce", "accecn", "delivered_e1_bytes", "delivered_e0_bytes", "delivered_ce_bytes",
       "received_e1_bytes", "received_e0_bytes", "received_ce_bytes"}  # fmt: skip


def fields(tcb, now):
    """The struct as getsockopt gives it, by name."""
    import struct

    octets = pack_tcp_info(tcb.info(now), now)
    return dict(zip((name for name, _ in _FIELDS), struct.unpack("=" + "".join(c for _, c in _FIELDS), octets),
                    strict=True))  # fmt: skip


def opened(scene=None, settings=None, **options):
    scene = scene or Scene()
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(settings=settings), **options)
    return scene, peer, tcb, owner


def test_every_field_is_more_than_nothing_somewhere():
    seen = set()

    def look(tcb, now):
        seen.update(name for name, value in fields(tcb, now).items() if value)

    pair = Pair(seed=b"info", loss=0.03, reorder=0.02)
    settings = Settings()
    settings.sndbuf = 8_000
    client, server, *_ = connect(pair, client_settings=settings)
    data, at = pattern(600_000), 0
    client.settings.max_pacing_rate = 10_000_000
    for _ in range(20_000):
        if at < len(data):
            at += max(client.send(data[at : at + 30_000], pair.now), 0)
        server.recv(1 << 20, False, pair.now)
        look(client, pair.now)
        look(server, pair.now)
        if not pair.step(pair.now + 3600 * SECOND):
            break
    # What a wire that only loses does not bring about: a shut window, a timeout, a duplicate.
    scene, peer, tcb, _ = opened(sack_permitted=True, wscale=7, ts=(1, 0))
    peer.send(ACK, seq=1, ack=1, wnd=0)
    tcb.send(bytes(5000), scene.now)
    scene.advance(s=2)
    look(tcb, scene.now)
    peer.send(ACK, seq=1, ack=1, wnd=500)
    scene.advance(s=3)
    look(tcb, scene.now)
    peer.send(ACK, seq=1, ack=1449, wnd=500, sack=[(1, 1449)])
    scene.advance(ms=5)
    look(tcb, scene.now)
    names = {name for name, _ in _FIELDS}
    assert names - seen - EMPTY - ECN == set()
    assert not seen & EMPTY


def test_counts_of_octets_and_segments():
    scene, peer, tcb, _ = opened()
    tcb.send(b"x" * 3000, scene.now)
    peer.drain()
    peer.send(ACK, seq=1, ack=1461)
    peer.send(ACK | PSH, seq=1, ack=1461, payload=b"r" * 700)
    peer.send(ACK | PSH, seq=901, ack=1461, payload=b"r" * 100)
    peer.drain()
    info = fields(tcb, scene.now)
    assert (info["bytes_sent"], info["bytes_acked"], info["bytes_received"]) == (3000, 1460, 700)
    # Linux counts a listener's SYN and its ACK among the segments in, and the SYN,ACK not among those out.
    assert (info["data_segs_out"], info["data_segs_in"], info["rcv_ooopack"]) == (3, 2, 1)
    assert (info["unacked"], info["notsent_bytes"], info["state"]) == (2, 0, ESTABLISHED)
    assert info["segs_in"] == 5 and info["segs_out"] == 3 + 2


def test_instants_are_milliseconds_ago():
    scene, peer, tcb, _ = opened()
    scene.advance(ms=30)
    peer.send(ACK | PSH, seq=1, ack=1, payload=b"r")
    scene.advance(ms=40)
    tcb.send(b"s", scene.now)
    scene.advance(ms=50)
    info = fields(tcb, scene.now)
    assert (info["last_data_recv"], info["last_data_sent"], info["last_ack_recv"]) == (90, 50, 90)


def test_timeouts_are_counted_and_timed():
    scene, peer, tcb, _ = opened()
    tcb.send(b"x" * 100, scene.now)
    peer.drain()
    scene.advance(ms=5000)
    sent = len(peer.drain())
    info = fields(tcb, scene.now)
    assert info["total_rto"] == sent == info["total_retrans"] and info["total_rto_recoveries"] == 1
    assert info["ca_state"] == CA_LOSS and info["retransmits"] == info["backoff"] == sent
    assert info["bytes_retrans"] == 100 * sent and 0 < info["total_rto_time"] < 5000
    peer.send(ACK, seq=1, ack=101)
    ended = fields(tcb, scene.now)["total_rto_time"]
    scene.advance(s=1)
    assert fields(tcb, scene.now)["total_rto_time"] == ended


def test_a_recovery_shows_its_segments():
    scene, peer, tcb, _ = opened(sack_permitted=True)
    tcb.send(bytes(14_600), scene.now)
    scene.advance(ms=50)
    peer.drain()
    peer.send(ACK, seq=1, ack=1, sack=[(1461, 7301)])
    info = fields(tcb, scene.now)
    assert info["ca_state"] == CA_RECOVERY and info["sacked"] == 4 and info["lost"] >= 1 and info["retrans"] >= 1


def test_busy_time_is_the_sum_of_its_parts_and_stands_still_when_idle():
    scene, peer, tcb, _ = opened()
    for _ in range(3):
        tcb.send(b"x" * 100, scene.now)
        scene.advance(ms=10)
        peer.drain()
        peer.send(ACK, seq=1, ack=1 + (tcb.snd_nxt - tcb.iss - 1) % 2**32)
        scene.advance(ms=500)
    assert tcb.info(scene.now)["busy_time"] * 1000 == 30 * MS


def test_a_write_that_memory_refused_makes_no_sender_busy():
    scene = Scene()
    tcb, _ = scene.peer().open_passive(scene.listen())
    scene.context.pool.force(scene.context.pool.limit)
    assert tcb.send(b"refused", scene.now) == -ENOBUFS
    scene.advance(s=5)
    assert tcb.info(scene.now)["busy_time"] == 0
