"""A megabyte across a bad link, in a simulation: the clock jumps, and the same seed gives the same result.

python examples/lossy_link.py [SEED] ["delay 40ms 5ms loss 1%"]
"""

import contextlib
import sys
import time

import usernet
from usernet.link.impair import impair
from usernet.link.veth import veth_pair

SIZE = 1 << 20


def transfer(seed: int, spec: str) -> tuple[float, int]:
    """Virtual seconds and segments sent again."""
    host = usernet.Host("sim", seed=seed)
    sender, receiver = usernet.Stack("sender", host), usernet.Stack("receiver", host)
    left, right = veth_pair("eth0", "eth0")
    sender.attach(left, address="10.7.0.1/24")
    receiver.attach(right, address="10.7.0.2/24")
    impair(left, spec, sender.context.entropy, host.timers)

    with receiver:
        listener = usernet.socket.create_server(("10.7.0.2", 80))
    with sender:
        outgoing = usernet.socket.create_connection(("10.7.0.2", 80))
    with receiver:
        incoming, _ = listener.accept()

    # One thread plays both ends: whoever waits drives the network, and moves the clock.
    outgoing.setblocking(False)
    octets = bytes(SIZE)
    sent = received = 0
    while received < SIZE:
        if sent < SIZE:
            with contextlib.suppress(BlockingIOError):
                sent += outgoing.send(octets[sent:])
        received += len(incoming.recv(1 << 16))
    return host.now() / 1e9, sender.counters.tcp.RetransSegs


def main() -> None:
    """Transfer twice and compare."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    spec = sys.argv[2] if len(sys.argv) > 2 else "delay 40ms 5ms loss 1%"
    started_at = time.perf_counter()
    seconds, again = transfer(seed, spec)
    real = time.perf_counter() - started_at
    print(f"1 MiB over '{spec}', seed {seed}: {seconds:.3f} s on the simulation's clock, {real:.3f} s on yours")
    print(f"{8 * SIZE / seconds / 1e6:.2f} Mbit/s, {again} segments sent again")
    assert transfer(seed, spec) == (seconds, again), "the same seed must give the same run"


if __name__ == "__main__":
    main()
