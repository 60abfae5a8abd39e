"""The script as a whole: options, an init command, events, a cleanup command."""

from __future__ import annotations

from .errors import ScriptError
from .expressions import Reader, arguments, describe, expression
from .lexer import CODE, COMMAND, END, FLOAT, INTEGER, MORE, OPTION, STRING, WORD, Token, tokens
from .packet_lines import is_direction, packet
from .script import ABSOLUTE, ANY, OUTBOUND, RELATIVE, Action, Code, Command, Event, Script, Syscall, When

MICROSECONDS = 1_000_000
LONGEST_S = 100_000_000


def parse(text: str, name: str = "script", defines: dict[str, str] | None = None) -> Script:
    """Read a script. ``defines`` are symbols given from outside; those of the script's own head win.

    Raises ScriptError with line and column for text that is none, Unsupported for packets of a kind we have not.
    """
    reader = Reader(tokens(text, defines or {}), text)
    script = Script(name)
    while reader.word.kind == OPTION:
        option = reader.take()
        # The value, when there is one, begins with the '=' right behind the name.
        value = reader.take().text if reader.word.kind == STRING and reader.word.start == option.end else None
        script.options.append((option.text, value, option.line))
    if reader.word.kind == COMMAND:
        script.init_line = reader.word.line
        script.init = Command(reader.take().text)
    while reader.word.kind not in (END, COMMAND):
        script.events.append(_event(reader))
    if reader.word.kind == COMMAND:
        script.cleanup_line = reader.word.line
        script.cleanup = Command(reader.take().text)
    if reader.word.kind != END:
        raise reader.error(f"an event begins with its time (+0, 0.1, *), not with {describe(reader.word)}")
    if not script.events:
        raise reader.error("a script needs an event")
    _check_times(script)
    return script


def _event(reader: Reader) -> Event:
    first = reader.word
    when = _when(reader)
    start = reader.word
    action = _action(reader, when)
    text = reader.taken_from(start)
    if when.until >= 0 and not _is_outbound(action):
        raise reader.error("a time range is for packets of ours", first)
    if when.kind == ANY and not _is_outbound(action):
        raise reader.error("* is for packets of ours", first)
    return Event(first.line, when, action, text)


def _is_outbound(action: Action) -> bool:
    return getattr(action, "direction", "") == OUTBOUND


def _when(reader: Reader) -> When:
    first = reader.word
    if reader.skip("*"):
        return When(ANY)
    kind = RELATIVE if reader.skip("+") else ABSOLUTE
    at = _time(reader)
    until = -1
    if reader.skip("~"):
        if kind == RELATIVE:
            reader.need("+", "before the end of a relative range")
        until = _time(reader)
        if until < at:
            raise reader.error("this range ends before it begins", first)
    return When(kind, at, until)


def _time(reader: Reader) -> int:
    token = reader.word
    if token.kind not in (INTEGER, FLOAT) or token.text.startswith("0x"):
        raise reader.error(f"a time in seconds expected, found {describe(token)}")
    reader.take()
    if token.text.startswith("-"):
        raise reader.error("a time is not negative", token)
    seconds = float(token.text)
    if seconds > LONGEST_S:
        raise reader.error("a time of more than three years", token)
    return round(seconds * MICROSECONDS)


def _action(reader: Reader, when: When) -> Action:
    if is_direction(reader):
        return packet(reader)
    if reader.word.kind == COMMAND:
        return Command(reader.take().text)
    if reader.word.kind == CODE:
        return Code(reader.take().text.strip(" \t"))
    if reader.word.kind in (WORD, MORE):
        return _syscall(reader, when)
    raise reader.error(f"a packet, a system call, a command or code expected, found {describe(reader.word)}")


def _syscall(reader: Reader, when: When) -> Syscall:
    end: int | None = None
    first = reader.word
    if reader.word.kind == MORE:
        reader.take()
        end = _time(reader)
        if end < when.at:
            raise reader.error("this call returns before it is made", first)
    name = reader.need_kind(WORD, "as a system call")
    given = arguments(reader)
    reader.need("=", f"behind {name.text}(...)")
    result = expression(reader)
    errno = ""
    if reader.word.kind == WORD and reader.word.text[:1] == "E":
        errno = reader.take().text
    if reader.follows("("):
        _note(reader)
    return Syscall(name.text, given, result, errno, end, reader.taken_from(name))


def _note(reader: Reader) -> None:
    """``(Operation now in progress)``: words for the reader."""
    opening: Token = reader.take()
    while not reader.skip(")"):
        if reader.word.kind == END:
            raise reader.error("this '(' is never closed", opening)
        reader.take()


def _check_times(script: Script) -> None:
    first = script.events[0].when
    if first.kind == ANY or first.at != 0:
        raise ScriptError("the first event is at time 0", script.events[0].line)
    for before, event in zip(script.events, script.events[1:], strict=False):
        if before.when.kind == event.when.kind == ABSOLUTE and event.when.at < before.when.at:
            raise ScriptError(
                f"time goes back, from {before.when.at / MICROSECONDS:.6f} to {event.when.at / MICROSECONDS:.6f}",
                event.line,
            )
