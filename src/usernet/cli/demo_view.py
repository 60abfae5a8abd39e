"""What the demo shows: a live panel at a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .demo import Demo, Outcome, Sample

BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
WIDTH = 78
HISTORY = 50
# Of State, Send-Q, cwnd, ssthresh, srtt, retrans, acked: fixed, so that nothing jumps.
COLUMNS = (10, 10, 6, 8, 9, 7, 9)


class View:
    """Shows nothing; the base of those that do."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the terminal as it was."""

    def start(self, demo: Demo) -> None:
        """The server listens."""

    def show(self, sample: Sample) -> None:
        """Octets move."""

    def end(self, outcome: Outcome) -> None:
        """All is over."""


def view_for(stream: TextIO, *, quiet: bool) -> View:
    """The view that suits where the output goes."""
    if quiet:
        return View()
    return LiveView() if stream.isatty() else PlainView()


def megabytes(octets: float) -> str:
    """``47.6 MB``; a megabyte is a million octets, as curl and disks count."""
    return f"{octets / 1e6:.1f} MB"


def connection_words(sample: Sample) -> list[tuple[str, str]]:
    """What is worth seeing of a connection: name and value."""
    row, info = sample.connection, sample.connection.get("info", {})
    return [
        ("State", row["state"]),
        ("Send-Q", f"{row['send_q']:,}"),
        ("cwnd", f"{info.get('snd_cwnd', 0):,}"),
        ("ssthresh", f"{info['snd_ssthresh']:,}" if info.get("snd_ssthresh", 0x7FFFFFFF) < 0x7FFFFFFF else "-"),
        ("srtt", f"{info.get('rtt', 0) / 1000:.2f} ms"),
        ("retrans", f"{info.get('total_retrans', 0):,}"),
        ("acked", megabytes(info.get("bytes_acked", 0))),
    ]


def sparkline(values: list[int]) -> str:
    """The course of a number, highest as a full block."""
    top = max(values, default=0)
    return "".join(BARS[min(value * len(BARS) // (top + 1), len(BARS) - 1)] for value in values)


def introduction(demo: Demo) -> list[tuple[str, str]]:
    """Who plays."""
    return [
        ("server", f"python -m http.server 80   unmodified, on our TCP (pid {demo.pid})"),
        ("client", f"{demo.client} {demo.url}   on the kernel's TCP"),
        ("wire", f"user-mode NAT, no privilege{'; each way: ' + demo.impair if demo.impair else ''}"),
    ]


def results(outcome: Outcome) -> list[tuple[str, str]]:
    """What came out."""
    rate = outcome.rate
    return [
        ("fetched", f"{megabytes(outcome.octets)} in {outcome.seconds:.1f} s, {megabytes(rate)}/s"),
        ("sha256", f"{'matches' if outcome.intact else 'DIFFERS'}  {outcome.sha256[:16]}..."),
        ("TCP", f"{outcome.retransmitted:,} segments sent again, cwnd up to {outcome.largest_cwnd:,}, "
                f"srtt {outcome.srtt_ms:.1f} ms"),
        ("capture", f"{outcome.capture} ({megabytes(outcome.capture_octets)})"),
    ]  # fmt: skip


def suggestions(outcome: Outcome) -> list[tuple[str, str]]:
    """What to try next."""
    usernet = command_name()
    return [
        ("a program of yours", f"{usernet} run --publish 8080:80 -- python app.py"),
        ("its sockets", f"{usernet} ss -tani"),
        ("a worse wire", f"{usernet} demo --impair 'delay 20ms 5ms loss 1%'"),
        ("the capture", f"tshark -r {outcome.capture} -q -z conv,tcp"),
        ("this machine", f"{usernet} doctor"),
    ]


def command_name() -> str:
    """How this command is called from here."""
    if shutil.which("usernet"):
        return "usernet"
    called = os.path.relpath(sys.argv[0])
    return "python -m usernet" if called.endswith(".py") else called


class PlainView(View):
    """A line now and then."""

    def __init__(self) -> None:
        self._next = 0.25

    def start(self, demo: Demo) -> None:
        """Who plays."""
        self._size = demo.size
        self._table(introduction(demo))

    def show(self, sample: Sample) -> None:
        """A line at each quarter."""
        if sample.octets < self._next * self._size or not sample.connection:
            return
        while sample.octets >= self._next * self._size:
            self._next += 0.25
        words = "  ".join(f"{name} {value}" for name, value in connection_words(sample))
        print(f"{sample.elapsed:5.1f}s  {100 * sample.octets / self._size:3.0f}%  {words}", flush=True)

    def end(self, outcome: Outcome) -> None:
        """What came out, and what next."""
        self._table(results(outcome))
        print("next:")
        for what, words in suggestions(outcome):
            print(f"  {what:<20}{words}")

    def _table(self, rows: list[tuple[str, str]]) -> None:
        for name, text in rows:
            print(f"{name:<9}{text}", flush=True)


class LiveView(View):
    """A panel that follows the transfer."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, file=sys.stdout)
        self._width = min(WIDTH, self._console.width)
        self._cwnds: list[int] = []
        self._size = 0
        self._live = Live(
            Text("preparing a file, starting the server ...", style="dim"),
            console=self._console,
            refresh_per_second=12,
            transient=False,
        )

    def __enter__(self) -> View:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self._live.update(Text(""))
        self._live.__exit__(None, None, None)

    def start(self, demo: Demo) -> None:
        """Who plays, above the panel."""
        self._size = demo.size
        self._console.print(Text("A web server on our own TCP, a client on the kernel's", style="bold"))
        self._console.print(self._pairs(introduction(demo)))
        self._live.update(Text(""))

    def show(self, sample: Sample) -> None:
        """Draw the panel anew."""
        cwnd = sample.connection.get("info", {}).get("snd_cwnd", 0)
        if cwnd:
            self._cwnds = [*self._cwnds, cwnd][-HISTORY:]
        self._live.update(Group(Text(""), self._bar(sample), self._connection(sample), self._course(), Text("")))

    def _bar(self, sample: Sample) -> RenderableType:
        rate = sample.octets / sample.elapsed if sample.elapsed > 0 else 0.0
        done = f"{100 * sample.octets // self._size:3d}%  {megabytes(sample.octets):>9}  {megabytes(rate):>8}/s"
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=self._width - len(done) - 2)
        grid.add_column(no_wrap=True)
        grid.add_row(ProgressBar(total=self._size, completed=sample.octets, width=self._width - len(done) - 2), done)
        return grid

    def _connection(self, sample: Sample) -> RenderableType:
        if not sample.connection:
            return Text("connecting ...\n", style="dim")
        words = connection_words(sample)
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
        for (name, _), width in zip(words, COLUMNS, strict=True):
            table.add_column(name, no_wrap=True, width=width)
        table.add_row(*(value for _, value in words))
        return table

    def _course(self) -> RenderableType:
        return Text.assemble(("cwnd  ", "dim"), (sparkline(self._cwnds), "cyan"))

    def end(self, outcome: Outcome) -> None:
        """What came out, and what next."""
        rows = results(outcome)
        table = Table.grid(padding=(0, 2))
        for name, text in rows:
            style = ("green" if outcome.intact else "bold red") if name == "sha256" else ""
            table.add_row(Text(name, style="dim"), Text(text, style=style))
        self._console.print(table)
        self._console.print(Text("\nTry next", style="bold"))
        self._console.print(self._pairs(suggestions(outcome)))

    def _pairs(self, rows: list[tuple[str, str]]) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for row in rows:
            grid.add_row(*row)
        return grid
