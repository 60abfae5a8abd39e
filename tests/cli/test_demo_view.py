"""What the demo shows, without a demo."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from usernet.cli import demo_view
from usernet.cli.demo import Demo, Outcome, Sample
from usernet.cli.demo_view import LiveView, PlainView, View, connection_words, sparkline, view_for

INFO = {"snd_cwnd": 1234, "snd_ssthresh": 0x7FFFFFFF, "rtt": 2340, "total_retrans": 8, "bytes_acked": 26_600_000}
ROW: dict[str, Any] = {"state": "ESTAB", "send_q": 3_665_376, "info": INFO}
OUTCOME = Outcome(
    67_108_864, 2.5, True, "0123456789abcdef" * 4, "curl", "/tmp/usernet-0/demo.pcapng", 75_000_000, 8, 1234, 2.34
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_sparkline_scales_to_its_highest() -> None:
    assert sparkline([0, 1, 4, 7]) == "▁▂▅█"
    assert sparkline([]) == ""


def test_what_is_shown_of_a_connection() -> None:
    assert connection_words(Sample(0, 1.0, ROW)) == [
        ("State", "ESTAB"), ("Send-Q", "3,665,376"), ("cwnd", "1,234"), ("ssthresh", "-"), ("srtt", "2.34 ms"),
        ("retrans", "8"), ("acked", "26.6 MB"),
    ]  # fmt: skip


def test_the_view_fits_where_the_output_goes() -> None:
    assert isinstance(view_for(Terminal(), quiet=False), LiveView)
    assert isinstance(view_for(io.StringIO(), quiet=False), PlainView)
    assert type(view_for(Terminal(), quiet=True)) is View


def test_the_panel_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Terminal()
    monkeypatch.setattr(
        demo_view, "Console", lambda **_: Console(file=output, width=80, force_terminal=True, no_color=True)
    )
    demo = Demo(Path("/nowhere"), Path("/nowhere/x.pcapng"), 67_108_864, "delay 2ms rate 250mbit loss 0.01%")
    demo.pid, demo.url = 1234567, "http://127.0.0.1:40123/data.bin"
    view = LiveView()
    with view:
        view.start(demo)
        view.show(Sample(0, 0.0, {}))
        view.show(Sample(33_000_000, 1.2, ROW))
        view.show(Sample(67_108_864, 2.5, {**ROW, "state": "FIN-WAIT-2"}))
    view.end(OUTCOME)
    text = output.getvalue()
    assert "FIN-WAIT-2" in text and "3,665,376" in text and "100%" in text and "matches" in text
    assert all(len(line) <= 80 for line in without_control(text).splitlines())


def without_control(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
