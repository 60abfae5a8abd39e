"""Attacks on memory and patience: Sockstress, hole floods, TIME-WAIT and ports."""

from __future__ import annotations

from errno import EADDRNOTAVAIL

import pytest

from usernet.core.const import CSUM_UNNECESSARY, MASK32
from usernet.core.packet import Packet, View
from usernet.tcp.const import ACK, ESTABLISHED, FIN, HELD_BUFFER, PSH, RST, SYN, TIME_WAIT
from usernet.tcp.settings import Settings
from usernet.tcp.tcb import Tcb
from usernet.testing.peer import Owner, Peer, Scene
from usernet.wire.tcp import emit

from .field import opened, steps


def crowd(scene: Scene, count: int, **options: int) -> list[tuple[Peer, Tcb]]:
    """That many peers, each with a connection of ours."""
    listener = scene.listen(backlog=4000)
    made = []
    for i in range(count):
        peer = scene.peer(remote_port=10_000 + i, wrap=False)
        tcb, _ = peer.open_passive(listener, **options)
        made.append((peer, tcb))
    scene.sender.sent.clear()
    return made


def answer_all(scene: Scene, made: list[tuple[Peer, Tcb]], wnd: int) -> int:
    """Each peer acknowledges what it was sent and says how little it takes. Returns how many segments that were."""
    by_port = {peer.remote_port: peer for peer, _ in made}
    count = 0
    while scene.sender.sent:
        packet = scene.sender.sent.popleft()
        count += 1
        octets = packet.buf[packet.l4 : packet.tail]
        peer = by_port[int.from_bytes(octets[2:4], "big")]
        if octets[13] & RST:
            continue
        size = len(octets) - (octets[12] >> 4) * 4 + (octets[13] & FIN)
        ack = int.from_bytes(octets[4:8], "big") - (peer.iss or 0) + size
        if wnd == 0 and size:
            ack -= size  # it takes nothing
        peer.send(ACK, seq=1, ack=ack & 0xFFFFFFFF, wnd=wnd)
    return count


def test_sockstress_zero_windows_cost_memory_that_is_bounded_and_segments_that_get_rarer() -> None:
    scene = Scene(pool=4 << 20)
    made = crowd(scene, 1000)
    for peer, tcb in made:
        peer.send(ACK, seq=1, ack=1, wnd=0)
        tcb.send(bytes(8000), scene.now)
    assert scene.context.pool.used <= 4 << 20
    per_minute = []
    for _ in range(6):
        segments = 0
        for _ in range(60):
            scene.advance(s=1)
            segments += answer_all(scene, made, 0)
        per_minute.append(segments)
    # The probes back off to one in two minutes for each connection, however readily the peer answers.
    assert per_minute[-1] <= len(made) and per_minute[0] < 12 * len(made)


def test_sockstress_orphans_are_no_more_than_the_sysctl_says() -> None:
    scene = Scene(tcp_max_orphans=100)
    made = crowd(scene, 1000)
    for peer, tcb in made:
        peer.send(ACK, seq=1, ack=1, wnd=0)
        tcb.send(bytes(1000), scene.now)
        tcb.close(scene.now)
    assert scene.tcp.orphans <= 100 and scene.counters.tcp_ext.TCPAbortOnMemory >= 900
    for _ in range(400):
        answer_all(scene, made, 0)
        scene.advance(s=1)
    # And those end soon, although their peers answer every probe.
    assert scene.tcp.orphans == 0 and scene.context.pool.used == 0


def test_orphans_go_first_when_memory_is_short() -> None:
    scene = Scene(pool=1 << 20)
    made = crowd(scene, 60)
    for peer, tcb in made:
        peer.send(ACK, seq=1, ack=1, wnd=0)
        tcb.send(bytes(15_000), scene.now)
    assert scene.context.pool.under_pressure()
    for _, tcb in made[:40]:
        tcb.close(scene.now)
    for _ in range(10):
        answer_all(scene, made, 0)
        scene.advance(s=1)
    assert scene.tcp.orphans < 40 and not scene.context.pool.under_pressure()
    assert all(tcb.state == ESTABLISHED for _, tcb in made[40:])


def test_a_tiny_window_gets_few_segments() -> None:
    # One octet at a time: silly-window avoidance waits, the probe timer sends (RFC 9293 3.8.6.2.1).
    scene, peer, tcb = opened()
    peer.send(ACK, seq=1, ack=1, wnd=1)
    tcb.send(bytes(100_000), scene.now)
    segments = 0
    for _ in range(100):
        for sent in peer.drain():
            segments += 1
            peer.send(ACK, seq=1, ack=sent.seq + len(sent.payload), wnd=1)
        scene.advance(ms=100)
    assert segments < 60


def test_a_window_that_shrinks_and_opens_makes_no_more_than_a_segment_each() -> None:
    scene, peer, tcb = opened()
    tcb.send(bytes(200_000), scene.now)
    peer.drain()
    sent = 0
    for i in range(500):
        peer.send(ACK, seq=1, ack=1, wnd=0 if i % 2 else 65535)
        sent += len(peer.drain())
    assert sent <= 500


# Text out of order.


def test_a_flood_of_holes_costs_each_segment_the_same_and_memory_that_is_bounded() -> None:
    costs = []
    for count in (200, 2000):
        scene, peer, tcb = opened(Scene(pool=8 << 20), sack_permitted=True, wscale=7)
        tcb.rcv_buf = 4 << 20
        peer.send(PSH | ACK, seq=1, ack=1, payload=b"x")
        for i in range(count):
            peer.send(ACK, seq=4 + 2 * i, ack=1, payload=b"x")
        scene.sender.sent.clear()
        seq = 4 + 2 * (count // 2) + 1
        costs.append(steps(lambda seq=seq, peer=peer: peer.send(ACK, seq=seq, ack=1, payload=b"y")))
        assert scene.context.pool.used <= 8 << 20
    assert costs[1] <= costs[0] + 60, costs


def test_one_large_piece_over_many_small_ones_is_cheap_and_leaves_one() -> None:
    costs = []
    for count in (100, 1000):
        scene, peer, tcb = opened(sack_permitted=True)
        for i in range(count):
            peer.send(ACK, seq=10 + 2 * i, ack=1, payload=b"x")
        scene.sender.sent.clear()
        costs.append(steps(lambda peer=peer, n=2 * count: peer.send(ACK, seq=9, ack=1, payload=bytes(n))))
        assert len(tcb.ofo.held) == 1 and tcb.ofo.memory == scene.context.pool.used
    # Each small one was paid for when it came.
    assert costs[1] < 20 * costs[0]


def kept(tcb: Tcb) -> int:
    """The memory of the buffers that held text keeps, those that were coalesced with what else they are counted by."""
    size = 0
    for piece in tcb.ofo.held:
        views = piece.packet.frags or []
        size += len(piece.packet.buf) + sum(len(view.base) + HELD_BUFFER // 2 for view in views)
    return size


def coalesced(peer: Peer, seq: int, sizes: list[int]) -> None:
    """Segments of these sizes that followed one another, as receive offload hands them over."""
    octets = emit(peer.remote_port, peer.local_port, (peer.isn + seq) & MASK32, peer.iss + 1, ACK, 500, b"", b"")
    buf = bytearray(8) + peer.remote + peer.local + octets
    packet = Packet(buf, 8, len(buf))
    packet.addr_off, packet.addr_len, packet.l4 = 8, 4, 16
    packet.csum, packet.gso_size = CSUM_UNNECESSARY, sizes[0]
    for size in sizes:
        packet.add_frag(View(bytearray(86 + size), 86, 86 + size))
    peer.scene.tcp.receive(packet, peer.scene.now)


def test_what_little_is_new_in_a_long_segment_keeps_no_more_than_it_is_charged_with() -> None:
    scene, peer, tcb = opened(Scene(pool=8 << 20), sack_permitted=True, wscale=7)
    tcb.rcv_buf = 4 << 20
    for i in range(20):
        start = 11 + 1500 * i
        for n in range(1400, 1410):
            peer.send(ACK, seq=start, ack=1, payload=bytes(n))
    assert len(tcb.ofo.held) == 20 * 2 and tcb.ofo.memory == scene.context.pool.used
    assert kept(tcb) <= tcb.ofo.memory


def test_coalesced_segments_of_an_octet_each_keep_no_buffer_each() -> None:
    scene, peer, tcb = opened(Scene(pool=8 << 20), sack_permitted=True, wscale=7)
    for i in range(20):
        coalesced(peer, 101 + 100 * i, [1] * 64)
    assert len(tcb.ofo.held) == 20 and kept(tcb) <= tcb.ofo.memory
    # A train of full segments is kept as it came.
    coalesced(peer, 5001, [1448] * 10)
    assert tcb.ofo.held[-1].packet.frags is not None and kept(tcb) <= tcb.ofo.memory * 5 / 4
    # Read, it is the text that came.
    coalesced(peer, 1, [1] * 100)
    assert tcb.recv(999, False, scene.now) == bytes(164)


def test_of_overlapping_text_what_came_first_is_read() -> None:
    scene, peer, tcb = opened()
    peer.send(ACK, seq=11, ack=1, payload=b"A" * 10)
    peer.send(ACK, seq=6, ack=1, payload=b"b" * 10)
    peer.send(ACK, seq=16, ack=1, payload=b"c" * 10)
    peer.send(ACK, seq=1, ack=1, payload=b"d" * 5)
    assert tcb.recv(100, False, scene.now) == b"d" * 5 + b"b" * 5 + b"A" * 10 + b"c" * 5
    peer.send(ACK, seq=20, ack=1, payload=b"again!" * 2)
    assert tcb.recv(100, False, scene.now) == b"again!"


def test_a_window_full_of_holes_of_a_thousand_peers_stays_in_the_pool() -> None:
    scene = Scene(pool=2 << 20)
    made = crowd(scene, 300)
    for i in range(40):
        for peer, _ in made:
            peer.send(ACK, seq=3 + 2000 * i, ack=1, payload=bytes(1000))
            scene.sender.sent.clear()
    assert scene.context.pool.used <= 2 << 20 and scene.counters.tcp_ext.TCPOFODrop > 0
    for _, tcb in made:
        tcb.abort(scene.now)
    assert scene.context.pool.used == 0


# TIME-WAIT, ports, half-open connections.


def test_time_wait_entries_are_no_more_than_the_sysctl_says() -> None:
    scene = Scene(tcp_max_tw_buckets=50)
    for peer, tcb in crowd(scene, 200):
        tcb.shutdown_send(scene.now)
        peer.send(FIN | ACK, seq=1, ack=2)
    waiting = [x for x in scene.tcp.tcbs() if x.state == TIME_WAIT]
    assert len(waiting) == 50 and scene.counters.tcp_ext.TCPTimeWaitOverflow == 150


def test_all_ports_in_use_is_an_error_and_no_other_destination_suffers() -> None:
    scene = Scene()
    scene.context.sysctl.set("net.ipv4.ip_local_port_range", "40000 40009")
    peer = scene.peer()
    for _ in range(10):
        scene.tcp.connect(Owner(), None, peer.remote, 80, Settings(), scene.now)
    with pytest.raises(OSError) as caught:
        scene.tcp.connect(Owner(), None, peer.remote, 80, Settings(), scene.now)
    assert caught.value.errno == EADDRNOTAVAIL
    scene.tcp.connect(Owner(), None, bytes((192, 0, 2, 7)), 80, Settings(), scene.now)


def test_half_open_connections_are_no_more_than_the_backlog() -> None:
    scene = Scene(tcp_syncookies=0)
    scene.listen(backlog=64)
    for i in range(1000):
        scene.peer(remote_port=10_000 + i, wrap=False).send(SYN, mss=1460)
    pending = [x for x in scene.tcp.tcbs() if x.state == 3]
    assert len(pending) <= 66 and len(scene.sender.sent) <= 66
