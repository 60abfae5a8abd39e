"""Structures that calls give back: control messages, poll and epoll events, options."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from ...core.const import POLLERR, POLLHUP, POLLNVAL, US
from ...sockets.epoll import wide
from .arguments import number, shown, single
from .errors import Mismatch, Unsupported
from .machine import START
from .script import ELLIPSIS, Expression, Struct
from .symbols import SYMBOLS, is_open, names_of

_ERROR: Final = struct.Struct("=IBBBBII")
_STAMPS: Final = struct.Struct("=qqqqqq")
_LINGER: Final = struct.Struct("=ii")
_SOL_SOCKET: Final = SYMBOLS["SOL_SOCKET"]
_TIMESTAMPING: Final = SYMBOLS["SCM_TIMESTAMPING"]
_OPT_STATS: Final = SYMBOLS["SCM_TIMESTAMPING_OPT_STATS"]
# struct nlattr: length and type, values padded to 4 octets.
_ATTRIBUTE: Final = struct.Struct("=HH")
# The times among the statistics, which may be as far off as other times.
_STAT_TIMES: Final = (SYMBOLS["TCP_NLA_BUSY"], SYMBOLS["TCP_NLA_RWND_LIMITED"], SYMBOLS["TCP_NLA_SNDBUF_LIMITED"])


def check_message(expected: Struct, control: list[tuple[int, int, bytes]], flags: int, tolerance_usecs: int) -> None:
    """Compare a received msghdr's flags and control messages. Raises Mismatch."""
    wanted_flags = number(expected.get("msg_flags", 0))
    if flags != wanted_flags:
        raise Mismatch(
            f"msg_flags: {names_of(wanted_flags, 'MSG_')} expected, {names_of(flags, 'MSG_')} ({flags:#x}) given"
        )
    messages: Any = expected.get("msg_control", [])
    for index, item in enumerate(messages):
        if index >= len(control):
            raise Mismatch(f"{len(messages)} control messages expected, {len(control)} given")
        _check_control(index, item, control[index], tolerance_usecs)
    if len(control) > len(messages):
        level, kind, octets = control[len(messages)]
        raise Mismatch(f"{len(messages)} control messages expected, one more given: {level} {kind} {octets.hex()}")


def _check_control(index: int, expected: Struct, given: tuple[int, int, bytes], tolerance_usecs: int) -> None:
    level, kind, octets = given
    wanted = (number(expected.get("cmsg_level")), number(expected.get("cmsg_type")))
    where = f"control message {index}"
    if wanted != (level, kind):
        raise Mismatch(f"{where}: level and type {wanted} expected, {(level, kind)} given")
    data = expected.get("cmsg_data")
    if is_open(data):
        return
    if isinstance(data, Struct) and "ee_errno" in data.names():
        _check_extended_error(where, data, octets)
    elif isinstance(data, Struct) and "scm_sec" in data.names():
        _check_stamp(where, data, octets, tolerance_usecs)
    elif isinstance(data, Struct) and (level, kind) == (_SOL_SOCKET, _OPT_STATS):
        _check_statistics(where, data, octets, tolerance_usecs)
    elif isinstance(data, int):
        if octets != data.to_bytes(4, "little", signed=data < 0):
            raise Mismatch(f"{where}: {data} expected, {int.from_bytes(octets, 'little')} given")
    else:
        raise Unsupported("control data of this form")


def _check_extended_error(where: str, expected: Struct, octets: bytes) -> None:
    if len(octets) < _ERROR.size:
        raise Mismatch(f"{where}: {len(octets)} octets are no sock_extended_err")
    err, origin, kind, code, _, info, data = _ERROR.unpack_from(octets)
    given = {"ee_errno": err, "ee_origin": origin, "ee_type": kind, "ee_code": code, "ee_info": info,
             "ee_data": data}  # fmt: skip
    for name, value in given.items():
        wanted = number(expected.get(name, 0))
        if wanted & 0xFFFFFFFF != value:
            raise Mismatch(f"{where}: {name} {wanted} expected, {value} given")


def _check_stamp(where: str, expected: Struct, octets: bytes, tolerance_usecs: int) -> None:
    """The software timestamp, in the script's time; 0 is not looked at."""
    if len(octets) < _STAMPS.size:
        raise Mismatch(f"{where}: {len(octets)} octets are no scm_timestamping")
    wanted = number(expected.get("scm_sec")) * 1_000_000 + number(expected.get("scm_nsec")) // US
    seconds, nanoseconds = _STAMPS.unpack_from(octets)[:2]
    given = (seconds * 1_000_000_000 + nanoseconds - START) // US
    if wanted and abs(given - wanted) > tolerance_usecs:
        raise Mismatch(f"{where}: a timestamp of {wanted} us expected, {given} us given")


def _check_statistics(where: str, expected: Struct, octets: bytes, tolerance_usecs: int) -> None:
    """struct nlattr after struct nlattr, in the order they are expected."""
    at = 0
    for name, value in expected.fields:
        kind = SYMBOLS.get(name, -1)
        if at + _ATTRIBUTE.size > len(octets):
            raise Mismatch(f"{where}: {name} expected, and the statistics end")
        size, given_kind = _ATTRIBUTE.unpack_from(octets, at)
        if given_kind != kind:
            raise Mismatch(f"{where}: {name} expected, attribute {given_kind} given")
        given = int.from_bytes(octets[at + 4 : at + size], "little")
        at += (size + 3) & ~3
        if is_open(value):
            continue
        wanted = number(value)
        allowed = tolerance_usecs if kind in _STAT_TIMES and wanted else 0
        if abs(given - wanted) > allowed:
            raise Mismatch(f"{where}: {name} {wanted} expected, {given} given")
    if at < len(octets):
        more = _ATTRIBUTE.unpack_from(octets, at)[1]
        raise Mismatch(f"{where}: {len(expected.fields)} statistics expected, attribute {more} given as well")


def control_of(message: Struct) -> list[tuple[int, int, bytes]]:
    """Control messages to send."""
    found = []
    items: Any = message.get("msg_control", [])
    for item in items:
        data = item.get("cmsg_data")
        found.append(
            (number(item.get("cmsg_level")), number(item.get("cmsg_type")), number(data).to_bytes(4, "little"))
        )
    return found


@dataclass(frozen=True, slots=True)
class Polled:
    """What poll() found, and what the script expects."""

    expected: list[int]
    masks: list[int]

    def check(self) -> None:
        """Raises Mismatch where they differ."""
        for index, (wanted, given) in enumerate(zip(self.expected, self.masks, strict=True)):
            if wanted != given:
                raise Mismatch(
                    f"pollfd {index}: revents {names_of(wanted, 'POLL')} expected, {names_of(given, 'POLL')} given"
                )


def check_poll(entries: list[Struct], levels: list[int]) -> Polled:
    """revents of each descriptor, from its level."""
    asked = [number(entry.get("events")) | POLLERR | POLLHUP | POLLNVAL for entry in entries]
    masks = [wide(level) & events for level, events in zip(levels, asked, strict=True)]
    return Polled([number(entry.get("revents", 0)) for entry in entries], masks)


def check_epoll_event(expected: Struct, events: int, data: tuple[str, int] | None) -> None:
    """Compare one event of epoll_wait(); without data nothing has happened, and all is 0. Raises Mismatch."""
    wanted = number(expected.get("events"))
    if wanted & 0xFFFFFFFF != events:
        raise Mismatch(f"events {names_of(wanted, 'EPOLL')} expected, {names_of(events, 'EPOLL')} given")
    for name in ("fd", "ptr", "u32", "u64"):
        # Without an event, there is no number of the script for the descriptor 0.
        given = data[1] if data is not None else number(expected.get("fd")) if name == "fd" else 0
        if name in expected.names() and number(expected.get(name)) != given:
            raise Mismatch(f"{name} {number(expected.get(name))} expected, {given} given")


def linger_octets(value: Struct) -> bytes:
    """struct linger."""
    if value.names() != ("onoff", "linger"):
        raise Unsupported(f"a structure of {', '.join(value.names())} as an option")
    return _LINGER.pack(number(value.get("onoff")), number(value.get("linger")))


def check_option(expected: Expression, length: int, octets: bytes) -> None:
    """Compare what getsockopt() gave. Raises Mismatch."""
    if len(octets) != length:
        raise Mismatch(f"getsockopt() gave {len(octets)} octets, {length} expected")
    if isinstance(expected, bytes):
        if octets != expected:
            raise Mismatch(f"getsockopt() gave {octets!r}, {expected!r} expected")
    elif isinstance(expected, Struct):
        if octets[: _LINGER.size] != linger_octets(expected):
            raise Mismatch(f"getsockopt() gave {_LINGER.unpack_from(octets.ljust(_LINGER.size))}")
    elif isinstance(expected, list):
        wanted = None if expected == [ELLIPSIS] else single(expected)
        given = int.from_bytes(octets, "little", signed=True)
        if wanted is not None and length and given != wanted and given & (1 << 8 * length) - 1 != wanted:
            raise Mismatch(f"getsockopt() gave {given}, {wanted} expected")
    elif not is_open(expected):
        raise Unsupported(f"a value of getsockopt() like {shown(expected)}")
