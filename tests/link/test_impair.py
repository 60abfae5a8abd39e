"""Impairment as netem does it: the fate of packets, in virtual time, the same for the same seed."""

from __future__ import annotations

import statistics
from hashlib import sha256
from itertools import pairwise

import pytest

from usernet.core.checksum import checksum
from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, NEVER
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet
from usernet.core.timers import Timers
from usernet.link.const import F_ALL
from usernet.link.impair import Impairment, impair
from usernet.link.veth import Veth, veth_pair
from usernet.wire.ecn import ecn_of
from usernet.wire.ipv4 import emit_ipv4

from .frames import V4, Recorder, ones_sum, plain, pseudo, super_segment, take_apart

MS = 1_000_000


class World:
    """A veth whose end a is impaired on its way out, and a clock."""

    def __init__(self, spec: str, seed: bytes = b"seed") -> None:
        self.a, self.b = veth_pair("a", "b")
        self.b.backlog = 1 << 30
        self.timers = Timers()
        self.upper = Recorder()
        self.b.upper = self.upper
        self.now = 0
        [self.stage] = impair(self.a, spec, Entropy(seed), self.timers, ingress=False)

    def send(self, number: int, size: int = 100) -> None:
        self.a.send(plain(number.to_bytes(4, "big") + bytes(size - 4)), self.now)
        self.b.receive_batch(1000, self.now)

    def advance(self, until: int) -> None:
        while self.timers.next_at() <= until:
            self.now = max(self.now, self.timers.next_at())
            self.timers.run(self.now)
            self.b.receive_batch(1 << 20, self.now)
        self.now = until

    def drain(self) -> None:
        while (at := self.timers.next_at()) != NEVER:
            self.advance(at)

    @property
    def numbers(self) -> list[int]:
        return [int.from_bytes(octets[:4], "big") for octets in self.upper.octets]


def run(spec: str, count: int = 2000, gap_ns: int = MS, seed: bytes = b"seed") -> World:
    world = World(spec, seed)
    for number in range(count):
        world.send(number)
        world.advance(world.now + gap_ns)
    world.drain()
    return world


def test_without_a_word_nothing_happens() -> None:
    world = World("loss 0%")
    world.send(1)
    assert world.numbers == [1]
    assert world.upper.times == [0]


def test_delay_is_exact_and_keeps_the_order() -> None:
    world = run("delay 40ms", 10)
    assert world.numbers == list(range(10))
    assert world.upper.times == [i * MS + 40 * MS for i in range(10)]


def test_jitter_is_uniform_around_the_delay_and_lets_packets_overtake() -> None:
    world = run("delay 20ms 5ms")
    delays = [at - number * MS for number, at in zip(world.numbers, world.upper.times, strict=True)]
    assert min(delays) >= 15 * MS and max(delays) <= 25 * MS
    assert statistics.mean(delays) == pytest.approx(20 * MS, rel=0.02)
    assert statistics.pstdev(delays) == pytest.approx(10 * MS / 12**0.5, rel=0.05)
    assert world.numbers != sorted(world.numbers) and sorted(world.numbers) == list(range(2000))


@pytest.mark.parametrize(
    ("name", "mean", "deviation"), [("normal", 0.0, 1.0), ("pareto", 0.0, 0.9), ("paretonormal", 0.0, 0.9)]
)
def test_distributions_have_netems_shapes(name: str, mean: float, deviation: float) -> None:
    world = run(f"delay 100ms 10ms distribution {name} limit 10000", 4000)
    spread = [
        (at - number * MS - 100 * MS) / (10 * MS) for number, at in zip(world.numbers, world.upper.times, strict=True)
    ]
    assert statistics.mean(spread) == pytest.approx(mean, abs=0.1)
    assert statistics.pstdev(spread) == pytest.approx(deviation, abs=0.2)
    assert min(spread) >= -4.001 and max(spread) <= 4.001


def test_correlated_jitter_changes_slowly() -> None:
    def step(spec: str) -> float:
        world = run(spec, gap_ns=50 * MS)
        delays = [at - number * 50 * MS for number, at in zip(world.numbers, world.upper.times, strict=True)]
        return statistics.mean(abs(b - a) for a, b in pairwise(delays))

    assert step("delay 20ms 5ms 90%") < step("delay 20ms 5ms") / 5


def test_loss_takes_its_share() -> None:
    world = run("loss 10%")
    assert world.stage.stats()["lost"] == 2000 - len(world.numbers)
    assert 150 < world.stage.stats()["lost"] < 250
    assert world.stage.stats()["forwarded"] == len(world.numbers)


def runs_of_loss(world: World) -> float:
    lost = sorted(set(range(2000)) - set(world.numbers))
    bursts = sum(1 for i, number in enumerate(lost) if i == 0 or lost[i - 1] != number - 1)
    return len(lost) / bursts


def test_gilbert_elliott_loses_in_bursts() -> None:
    world = run("loss gemodel 1% 20%")
    # In the bad state (p / (p + r) of the time) everything is lost, for 1 / r packets at a stretch.
    assert world.stage.stats()["lost"] == pytest.approx(2000 * 0.01 / 0.21, rel=0.4)
    assert 3 < runs_of_loss(world) < 7
    assert runs_of_loss(run("loss 5%")) < 1.3


def test_gilbert_elliott_uses_its_loss_rates() -> None:
    assert run("loss gemodel 0% 100% 100% 100%", 50).numbers == []
    assert len(run("loss gemodel 100% 0% 0% 0%", 50).numbers) == 50


def test_duplicates_come_twice() -> None:
    world = run("duplicate 10%")
    assert len(world.numbers) == 2000 + world.stage.stats()["duplicated"]
    assert 150 < world.stage.stats()["duplicated"] < 250


def test_a_duplicate_is_not_duplicated_again() -> None:
    assert run("duplicate 100%", 50).numbers == [n for n in range(50) for _ in (0, 1)]


def test_a_packet_doubled_and_lost_comes_once() -> None:
    world = run("duplicate 100% loss 100%", 50)
    # The copy left is rolled for once; the twin is never made.
    assert world.numbers == list(range(50))


def test_reordered_packets_do_not_wait() -> None:
    world = run("delay 10ms reorder 25%", gap_ns=MS)
    delays = {number: at - number * MS for number, at in zip(world.numbers, world.upper.times, strict=True)}
    early = sum(1 for delay in delays.values() if delay == 0)
    assert early == world.stage.stats()["reordered"]
    assert 430 < early < 570
    assert all(delay in (0, 10 * MS) for delay in delays.values())


def test_reorder_gap_sends_every_nth_at_once() -> None:
    world = run("delay 10ms reorder 100% gap 5", 20)
    early = [number for number, at in zip(world.numbers, world.upper.times, strict=True) if at == number * MS]
    assert early == [4, 9, 14, 19]


def test_rate_spaces_packets_by_their_length() -> None:
    world = World("rate 8mbit")
    for number in range(5):
        world.send(number, 1000)
    world.drain()
    assert world.upper.times == [MS * (i + 1) for i in range(5)]


def test_rate_and_delay_add_up_once() -> None:
    world = World("delay 40ms rate 8mbit")
    for number in range(5):
        world.send(number, 1000)
    world.drain()
    assert world.upper.times == [40 * MS + MS * (i + 1) for i in range(5)]


def test_rate_keeps_the_order_despite_jitter() -> None:
    assert run("delay 20ms 10ms rate 1mbit").numbers == list(range(2000))


def test_the_queue_is_bounded_and_counts_what_it_refuses() -> None:
    world = World("delay 10ms limit 20")
    for number in range(50):
        world.send(number)
    assert world.stage.stats()["queued"] == 20
    assert world.stage.stats()["overlimit"] == 30
    world.drain()
    assert world.numbers == list(range(20))


def test_the_default_limit_is_netems_1000() -> None:
    world = World("delay 10ms")
    for number in range(1200):
        world.send(number)
    assert world.stage.stats()["overlimit"] == 200


def test_each_piece_of_a_super_segment_has_its_own_fate() -> None:
    world = World("loss 20%")
    for _ in range(20):
        world.a.send(super_segment(bytes(60000)), world.now)
    world.b.receive_batch(1 << 20, world.now)
    pieces = 20 * 42
    assert world.stage.stats()["lost"] == pytest.approx(pieces * 0.2, rel=0.3)
    assert len(world.numbers) == pieces - world.stage.stats()["lost"]
    assert all(packet.gso_size == 0 and packet.csum == CSUM_PARTIAL for packet in world.upper.packets)


def test_corruption_flips_one_bit_that_the_checksum_sees() -> None:
    world = World("corrupt 100%")
    payload = bytes(range(256)) * 20
    packet = super_segment(payload)
    original = super_segment(payload)
    world.a.send(packet, 0)
    world.b.receive_batch(100, 0)
    assert payload == bytes(range(256)) * 20
    world_clean = World("loss 0%")
    world_clean.a.send(original, 0)
    world_clean.b.receive_batch(100, 0)
    for dirty, clean in zip(world.upper.packets, world_clean.upper.packets, strict=True):
        assert dirty.csum == CSUM_NONE
        clean.complete_checksum()
        difference = int.from_bytes(dirty.tobytes(), "big") ^ int.from_bytes(clean.tobytes(), "big")
        assert difference.bit_count() == 1
        position = len(clean) - 1 - (difference.bit_length() - 1) // 8
        if position >= 14 + 20:
            tcp = dirty.tobytes()[34:]
            assert ones_sum(pseudo(b"".join(V4), 6, len(tcp)).to_bytes(4, "big") + tcp) != 0xFFFF
        elif position >= 14:
            assert ones_sum(dirty.tobytes()[14:34]) != 0xFFFF
    assert world.stage.stats()["corrupted"] == len(world.upper.packets) == 4


def test_corruption_leaves_a_twin_alone() -> None:
    world = World("duplicate 100% corrupt 50%")
    world.a.features = F_ALL
    for _ in range(40):
        world.a.send(super_segment(bytes(100), mss=200), 0)
    world.b.receive_batch(1000, 0)
    whole = [packet for packet in world.upper.packets if packet.csum == CSUM_PARTIAL]
    assert len(world.upper.packets) == 80 and 20 < len(whole) < 60
    for packet in whole:
        packet.complete_checksum()
        take_apart(packet.tobytes())


SPEC = "delay 20ms 5ms 25% distribution normal loss 2% duplicate 1% reorder 3% corrupt 2% rate 50mbit limit 500"


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    first, second, other = run(SPEC), run(SPEC), run(SPEC, seed=b"other")
    assert first.upper.octets == second.upper.octets and first.upper.times == second.upper.times
    assert first.stage.stats() == second.stage.stats()
    assert first.upper.times != other.upper.times


def test_this_run_is_the_same_in_every_build() -> None:
    world = run(SPEC.replace("normal", "uniform"), 500)
    digest = sha256(repr((world.upper.times, world.upper.octets)).encode()).hexdigest()
    assert digest == "b5e46cfd4940826b0bdb400b2c898532b647eaff10b07905f5aec80552de8190"


def test_a_seed_word_overrules_the_entropy() -> None:
    assert run(SPEC + " seed 7", 300).upper.times == run(SPEC + " seed 7", 300, seed=b"other").upper.times


def test_words_draw_from_streams_of_their_own() -> None:
    assert set(run("loss 5%").numbers) == set(run("loss 5% delay 5ms 1ms rate 1gbit").numbers)


def test_ingress_and_egress_roll_for_themselves() -> None:
    a, b = veth_pair("a", "b")
    timers, upper = Timers(), Recorder()
    a.upper, b.upper = Recorder(), upper
    stages = impair(b, "delay 5ms", Entropy(b""), timers)
    assert stages == [b.egress, b.ingress]
    a.send(plain(bytes(60)), 0)
    b.receive_batch(10, 0)
    assert upper.packets == [] and b.stats.rx_packets == 1
    timers.run(5 * MS)
    assert upper.times == [5 * MS]


def test_impairment_is_taken_away_by_no_words() -> None:
    world = World("delay 10ms")
    world.send(1)
    assert impair(world.a, "", Entropy(b""), world.timers) == []
    assert world.a.egress is None
    world.send(2)
    world.drain()
    assert world.numbers == [2]


def test_long_queues_give_their_spent_places_back() -> None:
    world = World("delay 1ms limit 100000")
    for number in range(3000):
        world.send(number)
        if number % 2:
            world.advance(world.now + 10_000)
    world.drain()
    assert world.numbers == list(range(3000))


def test_a_super_segment_that_is_none_is_counted() -> None:
    world = World("loss 1%")
    packet = plain(bytes(100))
    packet.gso_type, packet.gso_size = 1, 10
    world.a.send(packet, 0)
    assert world.stage.stats()["malformed"] == 1


def test_a_bad_spec_changes_nothing() -> None:
    world = World("delay 10ms")
    with pytest.raises(ValueError, match="dealy"):
        impair(world.a, "dealy 10ms", Entropy(b""), world.timers)
    assert isinstance(world.a.egress, Impairment)
    assert isinstance(world.a, Veth)


def ip_packet(ecn: int, number: int = 0, version: int = 4) -> Packet:
    """A datagram in an Ethernet frame, IPv4 or IPv6, with this ECN field."""
    buf = bytearray(14 + 100)
    if version == 4:
        emit_ipv4(buf, 14, 0xB8 | ecn, 100, number, 0, 64, 17, 0x0A000001, 0x0A000002)
    else:
        buf[14:18] = bytes([0x6B, 0x80 | ecn << 4, 0, 0])
    packet = Packet(buf, 0, len(buf))
    packet.csum = CSUM_UNNECESSARY
    return packet


def ecn_fields(world: World) -> list[int]:
    return [ecn_of(bytearray(octets), 14) for octets in world.upper.octets]


def test_ecn_marks_what_is_ecn_capable_where_loss_would_drop_it() -> None:
    world = World("loss 100% ecn")
    for version in (4, 6):
        for ecn in range(4):
            world.a.send(ip_packet(ecn, version=version), 0)
    world.b.receive_batch(100, 0)
    assert ecn_fields(world) == [3, 3, 3] * 2
    assert world.stage.stats()["marked"] == 6 and world.stage.stats()["lost"] == 2
    # The IPv4 header's checksum is that of the new header, and nothing else has changed.
    octets = bytearray(world.upper.octets[0])
    assert checksum(octets, 14, 34, 0) == 0 and octets[15] == 0xBB


def test_what_is_no_ip_packet_is_lost_and_not_marked() -> None:
    world = World("loss 100% ecn")
    world.send(1)
    assert not world.numbers and world.stage.lost == 1


def test_ce_threshold_marks_by_the_time_in_the_queue() -> None:
    # 114 octets at 1 Mbit/s are 0.912 ms: the third and later ones wait longer than 1 ms, whatever the delay is.
    world = World("delay 20ms rate 1mbit ce_threshold 1ms")
    for ecn in (2, 2, 2, 0, 1, 3):
        world.a.send(ip_packet(ecn), 0)
    world.drain()
    assert ecn_fields(world) == [2, 2, 3, 0, 3, 3]
    assert world.stage.lost == 0
