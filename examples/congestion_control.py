"""A congestion control of one's own, in a simulation: the sawtooth of additive increase, multiplicative decrease.

python examples/congestion_control.py [NAME] ["delay 20ms rate 10mbit limit 30"]

NAME is aimd, which this file defines, or one that is built in: cubic, bbr, bbr3, reno, vegas, ledbat, ...
"""

import contextlib
import sys

import usernet
from usernet.link.impair import impair
from usernet.link.veth import veth_pair
from usernet.tcp.congestion import AckSample, CongestionControl

STEP = 250_000_000  # nanoseconds between two lines of the table


class Aimd(CongestionControl):
    """One segment more a round trip, half the window for a loss (RFC 5681's essence)."""

    name = "aimd"

    def on_ack(self, sample: AckSample, now: int) -> None:
        """Segments were acknowledged, and nothing is wrong."""
        if self.in_slow_start():
            self.slow_start(sample.acked)
        elif self.is_cwnd_limited:
            self.additive_increase(self.cwnd, sample.acked)

    def on_loss(self, now: int) -> int:
        """Something was lost: the new ssthresh."""
        return max(2, self.cwnd // 2)


def watch(name: str, spec: str, seconds: float = 8.0) -> list[tuple[float, int, float]]:
    """(seconds, cwnd, Mbit/s) every STEP of a transfer that lasts so long on the simulation's clock."""
    host = usernet.Host("sim", seed=1)
    sender, receiver = usernet.Stack("sender", host), usernet.Stack("receiver", host)
    left, right = veth_pair("eth0", "eth0")
    sender.attach(left, address="10.7.0.1/24")
    receiver.attach(right, address="10.7.0.2/24")
    impair(left, spec, sender.context.entropy, host.timers)
    sender.tcp.controls.register(Aimd)

    with receiver:
        listener = usernet.socket.create_server(("10.7.0.2", 80))
    with sender:
        outgoing = usernet.socket.create_connection(("10.7.0.2", 80))
        outgoing.setsockopt(usernet.socket.IPPROTO_TCP, usernet.socket.TCP_CONGESTION, name.encode())
    with receiver:
        incoming, _ = listener.accept()
    outgoing.setblocking(False)
    (connection,) = (tcb for tcb in sender.tcp.tcbs() if getattr(tcb, "cc", None))

    table: list[tuple[float, int, float]] = []
    began_at = told_at = host.now()
    received = 0
    with listener, outgoing, incoming:
        while host.now() < began_at + seconds * 1e9:
            with contextlib.suppress(BlockingIOError):
                outgoing.send(bytes(1 << 16))
            received += len(incoming.recv(1 << 16))
            if host.now() >= told_at + STEP:
                rate = received * 8e3 / (host.now() - told_at)
                table.append(((host.now() - began_at) / 1e9, connection.cc.cwnd, rate))
                told_at, received = host.now(), 0
    return table


def main() -> None:
    """Draw cwnd over time."""
    name = sys.argv[1] if len(sys.argv) > 1 else Aimd.name
    spec = sys.argv[2] if len(sys.argv) > 2 else "delay 20ms rate 10mbit limit 30"
    table = watch(name, spec)
    widest = max(cwnd for _, cwnd, _ in table)
    print(f"{name} over '{spec}'\n\n    s  Mbit/s  cwnd")
    for at, cwnd, rate in table:
        print(f"{at:5.2f}  {rate:6.2f}  {cwnd:4}  {'#' * max(1, 60 * cwnd // widest)}")


if __name__ == "__main__":
    main()
