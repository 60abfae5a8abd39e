"""A thousand connections across a lossy link, in virtual time: byte-exact, reproducible, faster than the clock."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from random import Random

import pytest

import usernet
from usernet.core.const import SECOND
from usernet.link.impair import impair
from usernet.link.pcapng import PcapngTap
from usernet.link.veth import veth_pair

CONNECTIONS = 1000
ARRIVALS_S = 60
IMPAIRMENT = "delay 20ms 5ms loss 2% reorder 1% duplicate 0.5% corrupt 0.1%"


class World:
    """Two stacks on one impaired cable, its traffic captured at one end."""

    def __init__(self, seed: int) -> None:
        self.host = usernet.Host("sim", seed=seed)
        self.client = usernet.Stack("client", self.host)
        self.server = usernet.Stack("server", self.host)
        self.capture = io.BytesIO()
        self.tap = PcapngTap(self.capture)
        left, right = veth_pair("left", "right")
        self.client.attach(left, "10.7.0.1/24")
        self.server.attach(right, "10.7.0.2/24")
        self.tap.attach(left)
        impair(left, IMPAIRMENT, self.client.context.entropy, self.host.timers)

    def close(self) -> bytes:
        self.host.close()
        self.tap.close()
        return self.capture.getvalue()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(1 << 16):
        writer.write(octets)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def one_connection(world: World, number: int, seed: int) -> bytes:
    rng = Random(seed * 100_000 + number)
    sent = rng.randbytes(rng.randrange(1, 30_000))
    await asyncio.sleep(rng.uniform(0, ARRIVALS_S))
    with world.client:
        reader, writer = await asyncio.open_connection("10.7.0.2", 7)
    writer.write(sent)
    writer.write_eof()
    got = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    assert got == sent, f"connection {number}: {len(got)} of {len(sent)} octets, or others"
    return hashlib.sha256(got).digest()


async def scenario(world: World, seed: int) -> list[bytes]:
    with world.server:
        server = await asyncio.start_server(echo, "10.7.0.2", 7, backlog=CONNECTIONS)
    digests = await asyncio.gather(*(one_connection(world, number, seed) for number in range(CONNECTIONS)))
    server.close()
    return digests


def run(seed: int) -> tuple[list[bytes], bytes, float, float]:
    """Digests, capture, and the seconds it took: virtual ones, and of processor time."""
    world = World(seed)
    started = time.process_time()
    with world.client:
        loop = usernet.new_event_loop()
    try:
        digests = loop.run_until_complete(scenario(world, seed))
    finally:
        loop.close()
    virtual = world.host.now() / SECOND
    return digests, world.close(), virtual, time.process_time() - started


@pytest.mark.slow
def test_a_thousand_lossy_connections_are_exact_and_the_same_seed_gives_the_same_capture(compiled: bool) -> None:
    first, capture, virtual, real = run(7)
    again, captured_again, _, _ = run(7)
    print(f"\n{CONNECTIONS} connections: {virtual:.1f} virtual seconds in {real:.1f} real ones, {len(capture)} octets")
    assert len(first) == CONNECTIONS
    assert first == again
    assert capture == captured_again
    assert virtual >= ARRIVALS_S * 0.9
    # A fourteenth of it where this was written.
    assert real < virtual or not compiled


def test_another_seed_gives_another_run() -> None:
    worlds = [World(seed) for seed in (1, 2)]
    draws = [world.client.context.entropy.u32() for world in worlds]
    for world in worlds:
        world.close()
    assert draws[0] != draws[1]
