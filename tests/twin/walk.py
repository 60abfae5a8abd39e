"""One build's half of the twin test: a seeded walk, and everything the engine holds after each step.

usage: walk.py SCENARIO SEED STEPS        prints one JSON value a step
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from dump import dump

from usernet.core.bytequeue import ByteQueue, SendQueue
from usernet.core.checksum import checksum, checksum_adjust, pseudo_sum, sum16, swap
from usernet.core.const import CSUM_PARTIAL
from usernet.core.counters import Counters
from usernet.core.entropy import Entropy, KeyedHash
from usernet.core.packet import Packet, View
from usernet.core.pool import MemoryPool
from usernet.core.seq import seq_add, seq_in, seq_le, seq_lt
from usernet.core.timers import Timer, TimerOwner, Timers


def random_packet(rng: Random) -> Packet:
    room, size = rng.randrange(40), rng.randrange(80)
    packet = Packet(bytearray(rng.randbytes(room + size + rng.randrange(9))), room, room + size)
    for _ in range(rng.randrange(4)):
        octets = rng.randbytes(rng.randrange(1, 60))
        start = rng.randrange(len(octets))
        packet.add_frag(View(octets, start, rng.randrange(start, len(octets)) + 1))
    packet.l3 = room if rng.random() < 0.5 else -1
    if size >= 20:
        packet.csum, packet.csum_start, packet.csum_offset = rng.choice((0, 1, CSUM_PARTIAL)), room, rng.randrange(18)
    return packet


def packets(rng: Random) -> Iterator[Any]:
    while True:
        packet = random_packet(rng)
        states = [dump(packet), packet.sum_from(packet.head, rng.randrange(0x10000))]
        for _ in range(3):
            action = rng.choice(("push", "linearize", "complete_checksum", "clone"))
            if action == "push":
                packet.push(rng.randrange(1, 120))
            elif action == "clone":
                packet = packet.clone()
            else:
                getattr(packet, action)()
            states.append([action, dump(packet), packet.tobytes().hex()])
        yield states


def numbers(rng: Random) -> Iterator[Any]:
    entropy, keyed = Entropy(rng.randbytes(8)), KeyedHash(rng.randbytes(16))
    while True:
        a, b, c = (rng.choice((rng.getrandbits(32), 0xFFFFFFFF, 0, 1 << 31)) for _ in range(3))
        octets = rng.randbytes(rng.randrange(1, 90))
        yield [
            [int(seq_lt(a, b)), int(seq_le(a, b)), int(seq_in(a, b, c)), seq_add(a, b)],
            [sum16(octets, 0, len(octets), a & 0xFFFF), checksum(octets, 0, len(octets), 0), swap(a & 0xFFFF)],
            [checksum_adjust(a & 0xFFFF, b & 0xFFFF, c & 0xFFFF), pseudo_sum(octets * 32, 1, 16, 6, b)],
            [entropy.u32(), entropy.below(a or 1), entropy.unit(), keyed.of(octets)],
        ]


def queues(rng: Random) -> Iterator[Any]:
    received, sent, counters = ByteQueue(), SendQueue(), Counters()
    pool = MemoryPool(5000, counters.tcp_ext)
    while True:
        packet = random_packet(rng)
        octets = rng.randbytes(rng.randrange(700))
        received.append_payload(packet, packet.head)
        sent.append(octets)
        if not pool.charge(len(octets)):
            counters.drop("walk_refused")
            pool.uncharge(pool.used // 2)
        gathered = Packet(bytearray(), 0, 0)
        at = rng.randrange(sent.base, sent.end + 1)
        sent.gather(gathered, at, rng.randrange(sent.end - at + 1))
        read = received.read(rng.randrange(400), rng.random() < 0.3)
        into = bytearray(rng.randrange(100))
        count = received.read_into(memoryview(into), rng.random() < 0.3)
        if rng.random() < 0.4:
            sent.release(rng.randrange(sent.base, sent.end + 1))
        yield [dump(received), dump(sent), dump(pool), dump(counters), dump(gathered), read.hex(), count, into.hex()]


class Owner(TimerOwner):
    def __init__(self) -> None:
        self.expired: list[list[int]] = []

    def timer_expired(self, kind: int, now: int) -> None:
        self.expired.append([kind, now])


def deadlines(rng: Random) -> Iterator[Any]:
    timers, owner, now = Timers(), Owner(), 0
    made = [Timer(timers, owner, kind) for kind in range(20)]
    while True:
        for _ in range(5):
            timer = rng.choice(made)
            if rng.random() < 0.8:
                timer.arm(now + rng.randrange(1000))
            else:
                timer.cancel()
        now += rng.randrange(200)
        count = timers.run(now)
        yield [now, count, timers.next_at(), owner.expired, [dump(timer) for timer in timers.heap]]
        owner.expired = []


def attacked(rng: Random) -> Iterator[Any]:
    """A whole stack under hostile and half-friendly frames."""
    from hostile import ACTIONS, Target

    target = Target()
    while True:
        action = rng.randrange(len(ACTIONS))
        target.attack(bytes([action, size := rng.randrange(8, 60)]) + rng.randbytes(size))
        yield [action, [frame.hex() for frame in target.wire.sent], engine(target.stack)]
        target.wire.sent.clear()


def conversing(rng: Random) -> Iterator[Any]:
    """Two stacks on a bad cable, their sockets used at random."""
    from usernet import Host, Stack
    from usernet.link.impair import impair
    from usernet.link.veth import veth_pair
    from usernet.sockets.factory import socket

    host = Host("sim", seed=rng.getrandbits(32))
    stacks = [Stack(name, host) for name in ("left", "right")]
    cables = veth_pair("left", "right")
    for number, (stack, cable) in enumerate(zip(stacks, cables, strict=True), 1):
        stack.attach(cable, f"10.7.0.{number}/24")
        stack.context.sysctl.set("net.ipv4.tcp_ecn", rng.choice((1, 3, 3)))
    spec = "delay 10ms 3ms loss 3% reorder 2% duplicate 1% rate 50mbit ce_threshold 500us"
    impair(cables[0], spec, stacks[0].context.entropy, host.timers)
    listener = socket(stacks[1], host, 2, 1)
    listener.timeout_ns = 0
    listener.bind(("10.7.0.2", 80))
    listener.listen(8)
    open_ones: list[Any] = []
    while True:
        said: list[Any] = []
        for _ in range(4):
            action = rng.choice(("open", "accept", "send", "send", "recv", "recv", "shutdown", "close", "time", "time"))
            said.append([action, *act(action, rng, host, stacks[0], listener, open_ones)])
        yield [host.now(), said, [engine(stack) for stack in stacks]]


def act(action: str, rng: Random, host: Any, client: Any, listener: Any, open_ones: list[Any]) -> list[Any]:
    from usernet.sockets.factory import socket

    chosen = rng.choice(open_ones) if open_ones else None
    try:
        if action == "open" and len(open_ones) < 12:
            opened = socket(client, host, 2, 1)
            opened.timeout_ns = 0
            open_ones.append(opened)
            opened.connect(("10.7.0.2", 80))
        elif action == "accept":
            accepted, address = listener.accept()
            accepted.timeout_ns = 0
            open_ones.append(accepted)
            return list(address)
        elif action == "time":
            host.run_for(rng.randrange(200_000_000))
        elif chosen is not None and action == "send":
            return [chosen.send(rng.randbytes(rng.randrange(20_000)))]
        elif chosen is not None and action == "recv":
            return [chosen.recv(rng.randrange(1, 30_000)).hex()]
        elif chosen is not None and action == "shutdown":
            chosen.shutdown(rng.randrange(3))
        elif chosen is not None and action == "close":
            open_ones.remove(chosen)
            chosen.close()
    except OSError as error:
        return [type(error).__name__, error.errno]
    return []


OPAQUE = ("Host", "Stack", "Context", "Tcp", "IpLayer", "Interface", "Timers", "Counters", "TcpSocket", "IpPath")


def engine(stack: Any) -> list[Any]:
    """What a stack holds: counters, pool, and everything of every connection."""
    context = stack.context
    held = [dump(context.counters), dump(context.pool), len(context.timers)]
    return held + [dump(item, *OPAQUE) for item in stack.tcp.tcbs()]


def states(rng: Random) -> Iterator[Any]:
    """Connections led through every state by a peer that is not always honest."""
    from states import Dice, Walk

    while True:
        walk = Walk(Dice(rng))
        for _ in range(20):
            walk.step()
            held = [dump(item, *OPAQUE) for item in walk.scene.tcp.tcbs()]
            yield [walk.log[-1], walk.arrived, walk.read, dump(walk.scene.context.counters), held]
        walk.finish()


SCENARIOS: dict[str, Callable[[Random], Iterator[Any]]] = {
    "packets": packets,
    "numbers": numbers,
    "queues": queues,
    "deadlines": deadlines,
    "attacked": attacked,
    "conversing": conversing,
    "states": states,
}

if __name__ == "__main__":
    walk = SCENARIOS[sys.argv[1]](Random(int(sys.argv[2])))
    for _ in range(int(sys.argv[3])):
        print(json.dumps(next(walk)))
