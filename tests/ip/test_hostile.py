"""Whatever the wire brings: counted drops, never an exception, memory bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.packet import Packet
from usernet.wire.ethernet import emit_ethernet
from usernet.wire.ipv4 import fix_checksum

from .world import BROADCAST, MAC, PEER, World, arp, icmp, ipv4

GOOD = (
    ipv4("10.0.0.2", "10.0.0.1", bytes(24)),
    ipv4("10.0.0.2", "10.0.0.1", icmp(8, 0, 1, b"ping"), protocol=1),
    ipv4("10.0.0.2", "10.0.0.1", icmp(3, 4, 0, ipv4("10.0.0.1", "10.0.0.2", b"12345678")), protocol=1),
    ipv4("10.0.0.2", "10.0.0.1", bytes(16), mf=True, ident=3),
    ipv4("10.0.0.2", "10.0.0.1", b"x", options=bytes([1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0])),
    ipv4("10.0.0.2", "10.0.0.1", b"x", protocol=200),
    ipv4("10.0.0.2", "192.0.2.1", b"x", ttl=1),
)


def quiet(world: World) -> None:
    """All that waits is given up, and nothing stays behind."""
    world.frames()
    world.advance(s=100)
    world.frames()
    assert world.context.pool.used == 0


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from((0x0800, 0x0806, 0x86DD)), st.binary(max_size=120)), max_size=10), st.booleans()
)
def test_random_frames(frames: list[tuple[int, bytes]], forward: bool) -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.ip_forward", int(forward))
    for ether_type, octets in frames:
        world.deliver(emit_ethernet(MAC, PEER, ether_type) + octets)
        world.deliver(octets)
        world.lo.deliver(Packet(bytearray(octets), 0, len(octets)), world.now)
    quiet(world)


@settings(max_examples=400)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6),
    st.integers(0, 80),
    st.booleans(),
    st.sampled_from((MAC, BROADCAST)),
    st.booleans(),
)
def test_mutated_and_truncated_datagrams(
    good: bytes, changes: list[tuple[int, int]], cut: int, forward: bool, to: bytes, transparent: bool
) -> None:
    world = World()
    world.context.sysctl.set("net.ipv4.ip_forward", int(forward))
    world.eth0.accept_all = transparent
    octets = bytearray(good)
    for at, value in changes:
        if at < len(octets):
            octets[at] = value
    if (octets[0] & 15) * 4 <= len(octets):
        fix_checksum(octets, 0)
    octets = octets[: max(0, len(octets) - cut)]
    for _ in range(2):
        world.gets(bytes(octets), to=to)
    world.loop()
    quiet(world)


@settings(max_examples=200)
@given(
    st.sampled_from((1, 2, 9)), st.binary(min_size=6, max_size=6), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)
)
def test_random_arp(op: int, sha: bytes, spa: int, tpa: int) -> None:
    world = World()
    world.eth0.proxy_arp = True
    world.send("10.0.0.2", b"waiting")
    message = arp(op, sha, "10.0.0.2", "10.0.0.1")._replace(spa=spa.to_bytes(4, "big"), tpa=tpa.to_bytes(4, "big"))
    world.gets_arp(message)
    world.gets_arp(message._replace(spa=b"\x0a\0\0\x02"))
    quiet(world)


def test_a_flood_of_everything_stays_within_bounds() -> None:
    world = World(pool=1 << 20)
    world.context.sysctl.set("net.ipv4.ipfrag_high_thresh", 1 << 18)
    for n in range(5000):
        source = f"10.0.{n % 250}.{n // 250 + 2}"
        world.gets(ipv4(source, "10.0.0.1", bytes(64), ident=n, mf=True, offset=8 * (n % 100)))
        world.gets(ipv4(source, "10.0.0.1", bytes(8), protocol=200))
        world.gets_arp(arp(1, PEER, source, "10.0.0.1"))
        world.wire.frames.clear()
        world.now += 1000
    assert world.context.pool.used <= 1 << 20
    assert len(world.eth0.neighbours) <= 1024
    quiet(world)
