"""The matrix for our stack alone, in virtual time: both ends ours, no kernel, the same figures every time.

usage: simmatrix.py [--cc cubic,bbr] [--rtt 20,100] [--loss 0,1,reorder] [--seconds S] [--seeds N] [--json FILE]
                    [--sysctl NAME=VALUE]... [--pcap FILE] [--beside FILE]

One line a cell: goodput, what was sent again, timeouts, recoveries, and how much longer the round trip got. Medians
over the seeds (1). --pcap writes what the sender's end saw of the last run; --beside takes the JSON of bench/matrix.py
and adds Linux's figures in the same cells and our ratios to them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from cells import CONDITIONS, RMEM, RTTS, WMEM, Cell, Meter
from verdicts import Contender, Figure, figures, verdict

import usernet
from usernet import select, socket
from usernet.core.const import SECOND
from usernet.link.impair import impair
from usernet.link.pcapng import PcapngTap
from usernet.link.veth import veth_pair

CHUNK = bytes(64 * 1024)


@dataclass
class Figures:
    """What one run showed."""

    cc: str
    rtt_ms: int
    condition: str
    mbit: float
    again_percent: float
    again_segments: int
    timeouts: int
    probes: int
    recoveries: int
    undos: int
    rtt_inflation: float


def run(
    cc: str, cell: Cell, seed: int, seconds: float | None = None, sysctls: dict[str, str] | None = None, pcap: str = ""
) -> Figures:
    """Send for the cell's time in virtual time; the figures."""
    span = seconds or cell.seconds
    host = usernet.Host("sim", seed=seed)
    sender, receiver = usernet.Stack("sender", host), usernet.Stack("receiver", host)
    left, right = veth_pair("left", "right")
    sender.attach(left, "10.9.0.1/24")
    receiver.attach(right, "10.9.0.2/24")
    for stack in (sender, receiver):
        for name, value in {"net.ipv4.tcp_rmem": RMEM, "net.ipv4.tcp_wmem": WMEM, **(sysctls or {})}.items():
            stack.context.sysctl.set(name, value)
    sender.context.sysctl.set("net.ipv4.tcp_congestion_control", cc)
    impair(left, cell.data_words(seed), host.entropy, host.timers, ingress=False)
    impair(right, cell.ack_words(), host.entropy, host.timers, ingress=False)
    meter = Meter(outgoing=True)
    left.taps = [meter]
    capture = PcapngTap(pcap) if pcap else None
    if capture is not None:
        capture.attach(left)
    with receiver:
        listener = socket.create_server(("10.9.0.2", 5001))
        listener.setblocking(False)
    with sender:
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect(("10.9.0.2", 5001))
    with listener, client:
        delivered, rtts = _drive(host, client, listener, span)
    ext = sender.context.counters.tcp_ext
    host.close()
    if capture is not None:
        capture.close()
    return Figures(
        cc=cc,
        rtt_ms=cell.rtt_ms,
        condition=cell.condition,
        mbit=delivered * 8e-6 / span,
        again_percent=100 * meter.again / max(1, meter.octets),
        again_segments=meter.segments_again,
        timeouts=ext.TCPTimeouts,
        probes=ext.TCPLossProbes,
        recoveries=ext.TCPSackRecovery + ext.TCPRenoRecovery,
        undos=ext.TCPFullUndo + ext.TCPDSACKUndo + ext.TCPLossUndo + ext.TCPPartialUndo,
        rtt_inflation=statistics.mean(rtts) / cell.rtt_ms,
    )


def _drive(host: usernet.Host, client: socket.socket, listener: socket.socket, span: float) -> tuple[int, list[float]]:
    """Keep the sender's buffer full and the receiver's empty until the time has passed; octets read, and RTTs in ms."""
    poller = select.epoll()
    poller.register(client.fileno(), select.EPOLLOUT)
    poller.register(listener.fileno(), select.EPOLLIN)
    until = host.now() + int(span * SECOND)
    sample_at = host.now() + SECOND // 4
    delivered, rtts = 0, []
    server: socket.socket | None = None
    into = bytearray(1 << 20)
    while host.now() < until:
        for fd, _ in poller.poll(min(until, sample_at) / SECOND - host.now() / SECOND + 1e-9):
            if fd == client.fileno():
                with contextlib.suppress(BlockingIOError):
                    while client.send(CHUNK):
                        pass
            elif fd == listener.fileno():
                server = listener.accept()[0]
                server.setblocking(False)
                poller.register(server.fileno(), select.EPOLLIN)
            elif server is not None:
                delivered += server.recv_into(into)
        if host.now() >= sample_at:
            sample_at += SECOND // 4
            rtts.append(_srtt_ms(client))
    if server is not None:
        server.close()
    return delivered, [*rtts, _srtt_ms(client)]


def _srtt_ms(client: socket.socket) -> float:
    # struct tcp_info: tcpi_rtt is the 16th number behind the eight octets.
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(info[68:72], "little") / 1e3


def median_of(cc: str, cell: Cell, seeds: int, seconds: float | None, sysctls: dict[str, str], pcap: str) -> Figures:
    """The run whose goodput is the median of those with seeds 1..N."""
    runs = sorted((run(cc, cell, seed, seconds, sysctls, pcap) for seed in range(1, seeds + 1)), key=lambda f: f.mbit)
    return runs[(len(runs) - 1) // 2]


HEAD = "cc        rtt  loss     Mbit/s   again%   again  rto  tlp  recov  undo  rtt x"
BESIDE_HEAD = "   Linux  again%   ratio  again"


def line(f: Figures) -> str:
    return (
        f"{f.cc:<8} {f.rtt_ms:>4}  {f.condition:<7} {f.mbit:>7.2f}  {f.again_percent:>7.2f} {f.again_segments:>7}"
        f" {f.timeouts:>4} {f.probes:>4} {f.recoveries:>6} {f.undos:>5} {f.rtt_inflation:>6.2f}"
    )


def beside(f: Figures, linux: Figure) -> str:
    """Linux's figures and our ratios; ``!`` where we fall short."""
    again = f.again_percent / 100 / (1 - f.again_percent / 100)
    judged = verdict(Figure(f.mbit, again, f.again_segments), linux)
    ratio = "    ·" if judged.again is None else f"{judged.again:5.2f}"
    mark = "" if judged.good_enough else " !"
    return f" {linux.mbit:>7.2f}  {100 * linux.again:>6.2f}   {judged.goodput:>5.2f}  {ratio}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The matrix for our stack alone, in virtual time: the same figures every time. Needs no root."
    )
    add = parser.add_argument
    add("--cc", default="cubic", help="congestion controls, comma between them (default: %(default)s)")
    rtts, conditions = ",".join(str(rtt) for rtt in RTTS), ",".join(CONDITIONS)
    add("--rtt", default=rtts, metavar="MS,...", help="milliseconds of round trip, any (default: %(default)s)")
    add(
        "--loss",
        default=conditions,
        metavar="PERCENT,...",
        help="per cent lost, any, or reorder (default: %(default)s)",
    )
    add("--seconds", type=float, help="of sending, in virtual time (default: 4 to 20, by the round trip)")
    add(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="runs with seeds 1 to N, whose median counts (default: %(default)s)",
    )
    add(
        "--sysctl",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of both stacks; may be given more than once",
    )
    add("--pcap", default="", metavar="FILE", help="what the sender's end saw of the last run, as pcapng")
    add("--json", default="", metavar="FILE", help="where the figures are written")
    add(
        "--beside",
        default="",
        metavar="FILE",
        help="JSON of bench/matrix.py: adds Linux's figures and our ratios to them",
    )
    given = parser.parse_args()
    rows = json.loads(Path(given.beside).read_text()) if given.beside else []
    # The same seeds on both sides: the luck of three of them is not that of five.
    linux = figures([row for row in rows if row["seed"] <= given.seeds])
    sysctls = dict(setting.split("=", 1) for setting in given.sysctl)
    results = []
    print(HEAD + (BESIDE_HEAD if linux else ""))
    for cc in given.cc.split(","):
        for rtt in given.rtt.split(","):
            for condition in given.loss.split(","):
                cell = Cell(int(rtt), condition)
                ours = median_of(cc, cell, given.seeds, given.seconds, sysctls, given.pcap)
                results.append(asdict(ours))
                theirs = linux.get((cell.name, Contender("u2k", cc).measure))
                print(line(ours) + (beside(ours, theirs) if theirs else ""), flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
