"""Can the judge fail? Scripts that pass are altered in one expectation, and each must then fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from usernet.testing.drill.config import Config, configure
from usernet.testing.drill.errors import CodeError, Mismatch, Unsupported
from usernet.testing.drill.packet_lines import OPT_TIMESTAMPS
from usernet.testing.drill.parser import MICROSECONDS, parse
from usernet.testing.drill.run import DEFINES
from usernet.testing.drill.runner import Runner
from usernet.testing.drill.script import ANY, OUTBOUND, SYN, Event, Script, Syscall, TcpOption, TcpPacket

SCRIPTS = sorted(Path(__file__).parent.rglob("*.pkt"))
# A sample, always the same: a fifth of the scripts by their names, and so many changes of each.
SAMPLE = [path for path in SCRIPTS if crc32(path.stem.encode()) % 5 == 0]
CHANGES = 6

Change = tuple[str, Event]


def packet_changes(event: Event, packet: TcpPacket) -> Iterator[Change]:
    """Each of a packet's fields that the judge looks at: not the number of a SYN, which is the script's to choose."""

    def with_(**fields: object) -> Event:
        return replace(event, action=replace(packet, **fields))  # type: ignore[arg-type]

    for bit in range(9):
        yield f"flag {1 << bit:#x}", with_(flags=packet.flags ^ 1 << bit)
    if not packet.flags & SYN:
        yield "seq", with_(seq=packet.seq + 1)
    yield "ack", with_(ack=packet.ack + 1)
    yield "length", with_(length=packet.length + 1)
    yield "urgent pointer", with_(urgent=packet.urgent + 1)
    if packet.window is not None:
        yield "window", with_(window=packet.window ^ 1)
    if packet.ip.ecn is not None:
        yield "ECN", with_(ip=replace(packet.ip, ecn=tuple({0, 1, 2, 3} - set(packet.ip.ecn))))
    for options in option_changes(packet.options):
        yield "options", with_(options=options)
    if event.when.kind != ANY:
        later = event.when.at + 5 * MICROSECONDS
        until = event.when.until + later if event.when.until >= 0 else -1
        yield "time", replace(event, when=replace(event.when, at=event.when.at + later, until=until))


def option_changes(options: list[TcpOption] | None) -> Iterator[list[TcpOption]]:
    """One less, one more, two in the other order, one with another value; timestamps have no value of their own."""
    if options is None:
        return
    yield [*options, TcpOption(1)]
    for at, option in enumerate(options):
        before, behind = options[:at], options[at + 1 :]
        yield before + behind
        if behind and behind[0] != option:
            yield [*before, behind[0], option, *behind[1:]]
        if option.body and option.kind != OPT_TIMESTAMPS:
            yield [*before, TcpOption(option.kind, option.body[:-1] + bytes((option.body[-1] ^ 1,))), *behind]


def call_changes(event: Event, call: Syscall) -> Iterator[Change]:
    """Result and errno."""
    if isinstance(call.result, int):
        wrong = -2 if call.result >= 0 else 0
        yield "result", replace(event, action=replace(call, result=wrong, errno=""))
        if call.errno:
            yield "errno", replace(event, action=replace(call, errno="EXDEV"))
        elif call.result >= 0:
            yield "no error", replace(event, action=replace(call, errno="EXDEV"))


def changes(script: Script) -> Iterator[tuple[int, str, Event]]:
    for index, event in enumerate(script.events):
        found: Iterator[Change] = iter(())
        if isinstance(event.action, TcpPacket) and event.action.direction == OUTBOUND:
            found = packet_changes(event, event.action)
        elif isinstance(event.action, Syscall):
            found = call_changes(event, event.action)
        yield from ((index, what, changed) for what, changed in found)


def is_passed(script: Script) -> bool:
    runner = Runner(script, configure(Config(), script, []))
    try:
        runner.run()
    except (Mismatch, CodeError, Unsupported):
        return False
    finally:
        runner.machine.close()
    return True


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_a_script_with_another_expectation_fails(path: Path) -> None:
    script = parse(path.read_text(), path.name, dict(DEFINES))
    assert is_passed(script)
    possible = list(changes(script))
    for index, what, changed in random.Random(path.stem).sample(possible, min(CHANGES, len(possible))):
        events = [*script.events[:index], changed, *script.events[index + 1 :]]
        assert not is_passed(replace(script, events=events)), f"line {changed.line}: another {what} is passed over"


@pytest.mark.parametrize("path", SAMPLE[::3], ids=lambda path: path.stem)
def test_a_packet_that_never_comes_fails_a_script_wherever_it_is_expected(path: Path) -> None:
    script = parse(path.read_text(), path.name, dict(DEFINES))
    for at, event in enumerate(script.events):
        if isinstance(event.action, TcpPacket) and event.action.direction == OUTBOUND:
            never = replace(event, action=replace(event.action, flags=0, seq=77_777_777))
            assert not is_passed(replace(script, events=[*script.events[: at + 1], never, *script.events[at + 1 :]]))
            return
