"""Loopback and veth: what is sent comes out as it was, from a bounded queue, told once."""

from __future__ import annotations

import pytest

from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet
from usernet.link.const import F_ALL, F_CSUM, F_SG, IFF_LOOPBACK, IFF_RUNNING, IFF_UP
from usernet.link.device import Device, Upper, random_address
from usernet.link.loopback import Loopback
from usernet.link.veth import Veth, veth_pair

from .frames import Recorder, Sink, plain, super_segment, take_apart

PAYLOAD = bytes(60000)


def wired() -> tuple[Veth, Veth, Recorder, Sink]:
    a, b = veth_pair("a", "b")
    upper, sink = Recorder(), Sink()
    a.upper, b.upper = Recorder(), upper
    a.sink = b.sink = sink
    return a, b, upper, sink


def test_a_super_segment_crosses_a_veth_untouched() -> None:
    a, b, upper, _ = wired()
    packet = super_segment(PAYLOAD)
    frags = packet.frags
    a.send(packet, 5)
    assert upper.packets == []
    assert b.pending()
    assert b.receive_batch(64, 5) == 1
    assert upper.packets == [packet]
    assert (packet.csum, packet.gso_size, packet.frags) == (CSUM_PARTIAL, 1448, frags)
    assert packet.device is b
    assert packet.timestamp == 5
    assert (a.stats.tx_packets, a.stats.tx_bytes) == (b.stats.rx_packets, b.stats.rx_bytes) == (1, len(packet))


def test_loopback_hears_itself() -> None:
    lo = Loopback()
    upper, sink = Recorder(), Sink()
    lo.upper, lo.sink = upper, sink
    assert lo.flags & IFF_LOOPBACK and lo.header_len == 0 and lo.mtu == 65536
    packet = super_segment(PAYLOAD, ethernet=False)
    lo.send(packet, 1)
    assert sink.ready == [lo]
    assert lo.receive_batch(64, 1) == 1
    assert upper.packets == [packet]


def test_the_sink_is_told_once_a_batch() -> None:
    a, b, _, sink = wired()
    for _ in range(3):
        a.send(plain(bytes(60)), 0)
    assert sink.ready == [b]
    assert b.receive_batch(64, 0) == 3
    assert not b.pending()
    a.send(plain(bytes(60)), 0)
    assert sink.ready == [b, b]


def test_what_the_budget_leaves_is_announced_again() -> None:
    a, b, upper, sink = wired()
    for _ in range(5):
        a.send(plain(bytes(60)), 0)
    assert b.receive_batch(2, 0) == 2
    assert sink.ready == [b, b]
    assert b.receive_batch(64, 0) == 3
    assert len(upper.packets) == 5
    assert sink.ready == [b, b]


class Echo(Upper):
    """Answers every frame at once, which must not recurse."""

    def receive_frame(self, device: Device, packet: Packet, now: int) -> None:
        device.send(packet, now)


def test_frames_that_come_while_a_batch_runs_wait_for_the_next() -> None:
    lo = Loopback()
    sink = Sink()
    lo.upper, lo.sink = Echo(), sink
    lo.send(plain(bytes(60)), 0)
    for rounds in range(1, 4):
        assert lo.receive_batch(64, 0) == 1
        assert lo.pending()
        assert sink.ready == [lo] * (rounds + 1)


def test_a_full_queue_drops_and_counts() -> None:
    a, b, _, _ = wired()
    b.backlog = 10
    for _ in range(13):
        a.send(plain(bytes(60)), 0)
    assert (a.stats.tx_packets, a.stats.tx_dropped, b.stats.rx_dropped) == (10, 3, 3)
    assert b.receive_batch(64, 0) == 10


def test_a_frame_longer_than_the_mtu_does_not_pass() -> None:
    a, b, upper, _ = wired()
    a.send(plain(bytes(14 + 1500 + 4)), 0)
    a.send(plain(bytes(14 + 1500 + 5)), 0)
    b.receive_batch(64, 0)
    assert len(upper.packets) == 1
    assert (a.stats.tx_dropped, b.stats.rx_dropped) == (1, 1)


def test_a_device_that_is_down_neither_sends_nor_hears() -> None:
    a, b, upper, _ = wired()
    a.flags &= ~IFF_UP
    a.send(plain(bytes(60)), 0)
    assert a.stats.tx_dropped == 1
    a.flags |= IFF_UP
    b.flags &= ~IFF_UP
    a.send(plain(bytes(60)), 0)
    assert (a.stats.tx_dropped, upper.packets) == (2, [])


def test_closing_one_end_takes_the_carrier_of_both() -> None:
    a, b, _, _ = wired()
    b.send(plain(bytes(60)), 0)
    a.close()
    assert not a.flags & IFF_RUNNING and not b.flags & IFF_RUNNING
    assert a.receive_batch(64, 0) == 0
    b.send(plain(bytes(60)), 0)
    assert b.stats.tx_dropped == 1


def test_the_edge_does_what_the_device_cannot() -> None:
    a, b, upper, _ = wired()
    a.features = F_ALL & ~F_CSUM & ~F_SG & ~6
    a.send(super_segment(PAYLOAD[:5000]), 0)
    b.receive_batch(64, 0)
    assert len(upper.packets) == 4
    for packet in upper.packets:
        assert packet.frags is None
        assert packet.csum == CSUM_UNNECESSARY
        take_apart(packet.tobytes())
    assert a.stats.tx_packets == 4


def test_a_super_segment_larger_than_the_device_takes_is_cut() -> None:
    a, b, upper, _ = wired()
    a.gso_max = 20000
    a.send(super_segment(PAYLOAD[:15000]), 0)
    a.send(super_segment(PAYLOAD[:30000]), 0)
    b.receive_batch(64, 0)
    assert [packet.gso_size for packet in upper.packets] == [1448] + [0] * 21


def test_a_super_segment_that_is_none_is_an_error_counted() -> None:
    a, b, _, _ = wired()
    a.features = 0
    packet = plain(bytes(100))
    packet.gso_type, packet.gso_size = 1, 10
    a.send(packet, 0)
    assert (a.stats.tx_errors, a.stats.tx_packets) == (1, 0)
    assert not b.pending()


def test_checksum_state_none_stays_none() -> None:
    a, b, upper, _ = wired()
    a.send(plain(bytes(60)), 0)
    b.receive_batch(64, 0)
    assert upper.packets[0].csum == CSUM_NONE


def test_hardware_addresses_are_local_unicast_and_come_from_entropy() -> None:
    first = random_address(Entropy(b"1"))
    assert len(first) == 6 and first[0] & 3 == 2
    assert first == random_address(Entropy(b"1")) != random_address(Entropy(b"2"))
    a, b = veth_pair("a", "b")
    assert a.address != b.address
    assert veth_pair("a", "b")[0].address == a.address
    assert veth_pair("a", "b", entropy=Entropy(b"x"))[0].address != a.address


def test_a_hardware_address_has_six_octets() -> None:
    with pytest.raises(ValueError, match="6 octets"):
        Veth("a", 1500, b"\x02\0\0")
