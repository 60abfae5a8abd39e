"""A script from its first event to its last: when things happen, and whether they are as it says."""

from __future__ import annotations

import errno
import os
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeGuard

from ...core.const import NEVER, SECOND, US
from ...ip.address import parse_ip
from ...link.pcapng import PcapngTap
from . import connection as stage
from .calls import Answer, Calls
from .code import Blocks, snapshot
from .compare import differences, join, piece_differences
from .config import Config, configure
from .connection import Connection
from .errors import CodeError, Mismatch, ScriptError, Skipped, Unsupported
from .live import Live
from .machine import START, BlockingCall, Machine
from .packet_lines import ICMP6
from .parser import parse
from .render import packet_text, trace_text
from .script import (
    ABSOLUTE,
    ACK,
    ANY,
    INBOUND,
    OUTBOUND,
    SYN,
    Code,
    Command,
    Event,
    IcmpPacket,
    Script,
    Syscall,
    TcpPacket,
    UdpPacket,
)
from .shell import Shell
from .symbols import errno_of, value_of
from .sysctls import preset

OK: Final = "ok"
FAIL: Final = "FAIL"
SKIPPED: Final = "skipped"
UNSUPPORTED: Final = "unsupported"
ERROR: Final = "error"

# What the public runners define for their IPv4 runs; the cookies go with the addresses and the key they use.
DEFINES: Final = {
    "CMSG_LEVEL_IP": "SOL_IP",
    "CMSG_TYPE_RECVERR": "IP_RECVERR",
    "TFO_COOKIE": "3021b9d889017eeb",
    "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
    "CODE": "host_unreachable",
}
# How long a packet is waited for beyond its time, so that a late one is told from one that never comes.
LATE: Final = 10 * SECOND
# How long one is waited for that may come at any time.
SOMETIME: Final = 600 * SECOND
# How long a call is waited for that still blocks when the script wants to go on.
PENDING: Final = SECOND
TRACE_LINES: Final = 12
FRAMES: Final = 3


@dataclass(slots=True)
class Result:
    """What became of a script: OK, FAIL, SKIPPED, UNSUPPORTED or ERROR (it is no script).

    ``message`` says why in one line, with file and line; ``details`` are the lines that belong to it. ``trace`` is
    every packet both ways. Times are virtual seconds.
    """

    name: str
    outcome: str
    message: str = ""
    line: int = 0
    details: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True for a pass."""
        return self.outcome == OK

    def __str__(self) -> str:
        return "\n".join([f"{self.outcome}: {self.message or self.name}", *(f"    {line}" for line in self.details)])


def run_script(script: str | os.PathLike[str], *, pcap: str | None = None, **options: Any) -> Result:
    """Run one script against the stack in virtual time.

    ``script`` is a path, or the text itself when it has more than one line. ``pcap`` is a pcapng to write. Options are
    those of scripts without their dashes (``local_ip="192.168.0.1"``, ``tolerance_usecs=10000``,
    ``strict_segments=True``, ``define={"CC": "reno"}``); they win over the script's own. Nothing is raised for what
    the script or the stack do wrong: it is in the result. Raises OSError when the script cannot be read or the capture
    not be written.
    """
    if isinstance(script, str) and "\n" in script:
        name, text = "script", script
    else:
        path = Path(script)
        name, text = str(path), path.read_text(encoding="utf-8", errors="replace")
    return run_text(text, name, pcap, _given(options))


def _given(options: dict[str, Any]) -> list[tuple[str, str | None]]:
    given: list[tuple[str, str | None]] = []
    for name, value in options.items():
        if name == "define":
            given += [("define", f"{symbol}={meaning}") for symbol, meaning in value.items()]
        elif isinstance(value, bool):
            given += [(name, None)] if value else [(name, "0")]
        else:
            given.append((name, str(value)))
    return given


def run_text(text: str, name: str, pcap: str | None, given: list[tuple[str, str | None]]) -> Result:
    """As run_script, with options as pairs of name and value."""
    defines = dict(DEFINES)
    defines.update(value.partition("=")[::2] for option, value in given if option == "define" and value)
    try:
        script = parse(text, name, defines)
        config = configure(Config(), script, given)
    except ScriptError as error:
        where = f"{name}:{error.line}:{error.column}"
        return Result(name, ERROR, f"{where}: {error.message}", error.line, _pointed(text, error))
    except Unsupported as error:
        return Result(name, UNSUPPORTED, f"{name}: {error}")
    except Skipped as error:
        return Result(name, SKIPPED, f"{name}: {error}")
    runner = Runner(script, config)
    return runner.run(pcap)


def _pointed(text: str, error: ScriptError) -> list[str]:
    lines = text.splitlines()
    if not 0 < error.line <= len(lines):
        return []
    line = lines[error.line - 1].replace("\t", " ")
    return [line, " " * (error.column - 1) + "^"]


class Runner:
    """One run of one script."""

    def __init__(self, script: Script, config: Config) -> None:
        self.script = script
        self.config = config
        self.machine = Machine(config.mtu)
        self.machine.configure(config.local_ip, config.prefixlen())
        self.calls = Calls(self.machine, config)
        self.shell = Shell(self.machine)
        self.blocks = Blocks()
        self.seen: list[Live] = []
        self.machine.device.notice = self.seen.append
        self._event = script.events[0]
        # Scripted time of the event before, in microseconds, and whether it was a packet to us.
        self._last_at = -1
        self._pending: tuple[BlockingCall, Event, int, int] | None = None
        preset(self.machine.stack)

    def trace(self, last: int = 0) -> list[str]:
        """Every packet both ways, or the last few, in the script's numbers."""
        return [trace_text(self._relative(live), self._direction(live), START) for live in self.seen[-last:]]

    def _direction(self, live: Live) -> str:
        return OUTBOUND if live.src == self._local() else INBOUND

    def _relative(self, live: Live) -> Live:
        for conn in self.calls.connections:
            if conn.owns(live):
                return conn.with_script_stamps(conn.to_script(live), True)
            if conn.received(live):
                return conn.with_script_stamps(conn.from_peer(live), False)
        return live

    def _local(self) -> bytes:
        """The address of ``tun0``."""
        addresses = self.machine.interface.addresses
        return addresses[0].addr if addresses else b""

    def run(self, pcap: str | None) -> Result:
        """Run it all, and close."""
        result = Result(self.script.name, OK)
        tap = PcapngTap(pcap) if pcap is not None else None
        if tap is not None:
            tap.attach(self.machine.device)
        try:
            self._run_events()
            self.blocks.run(self.script.name)
        except Mismatch as error:
            result.outcome = FAIL
            result.details = list(error.details)
            self._tell(result, error.message)
        except CodeError as error:
            result.outcome, result.message, result.line = FAIL, str(error), error.line
        except Unsupported as error:
            result.outcome = UNSUPPORTED
            self._tell(result, str(error))
        except Exception as error:
            # Arguments no call takes, or a fault of the stack at a call: what was raised is the finding.
            result.outcome = FAIL
            result.details = traceback.format_exception(error)[-1:]
            result.details += [line.rstrip() for line in traceback.format_tb(error.__traceback__)[-FRAMES:]]
            self._tell(result, f"{type(error).__name__} is raised: {error}")
        finally:
            result.seconds = (self.machine.now() - START) / SECOND
            result.trace = self.trace()
            self.machine.close()
            if tap is not None:
                tap.close()
        return result

    def _tell(self, result: Result, message: str) -> None:
        result.line = self._event.line
        result.message = f"{self.script.name}:{self._event.line}: {message}"

    def _run_events(self) -> None:
        if self.script.init is not None:
            self._event = Event(self.script.init_line, self._event.when, self.script.init, "")
            self.shell.run(self.script.init.text)
        for event in self.script.events:
            self._event = event
            self._run_event(event)
        self._finish_pending()
        if self.script.cleanup is not None:
            self.shell.run(self.script.cleanup.text)

    # Time: whole microseconds since the start.

    def _run_event(self, event: Event) -> None:
        now = self.machine.script_now()
        offset = 0 if event.when.kind == ABSOLUTE else now
        at = event.when.at + offset
        until = event.when.until + offset if event.when.until >= 0 else -1
        action = event.action
        if isinstance(action, TcpPacket | IcmpPacket | UdpPacket):
            conn = self._connection_for(action)
            if action.direction == INBOUND:
                self._wait_for(at)
                self._inbound(conn, action)
            else:
                self._outbound(conn, action, event, at, until)
        elif isinstance(action, Syscall):
            self._finish_pending()
            self._wait_for(at)
            self._syscall(event, action, at, offset)
        else:
            self._wait_for(at)
            if isinstance(action, Command):
                self.shell.run(action.text)
                self.machine.settle()
            else:
                self._code(event, action)
        self._last_at = at

    def _wait_for(self, at: int) -> None:
        self.machine.run_until(START + at * US)
        late = self.machine.script_now() - at
        if late > self._tolerance(at):
            raise Mismatch(f"it is to happen at {_seconds(at)} s, and it is {_seconds(at + late)} s already")
        self._check_call()

    def _tolerance(self, at: int) -> int:
        """4 ms, or an eighth of the time since the event before, whichever is more."""
        if self._last_at < 0:
            return self.config.tolerance_usecs
        return max(self.config.tolerance_usecs, int((at - self._last_at) * self.config.tolerance_percent / 100))

    def _check_time(self, what: str, happened: int, event: Event, at: int, until: int) -> None:
        if event.when.kind == ANY:
            return
        tolerance = self._tolerance(at)
        if at - tolerance <= happened <= max(at, until) + tolerance:
            return
        expected = f"{_seconds(at)} s" if until < 0 else f"{_seconds(at)} to {_seconds(until)} s"
        early = at - happened if happened < at else happened - max(at, until)
        raise Mismatch(
            f"{what} at {_seconds(happened)} s, {expected} expected",
            (f"it is {early} us too {'early' if happened < at else 'late'}; {tolerance} us are allowed",),
        )

    # Packets.

    def _connection_for(self, spec: TcpPacket | IcmpPacket | UdpPacket) -> Connection:
        """The connection a packet is of; a packet to a listener begins a new one."""
        conn = self.calls.connection
        if isinstance(spec, TcpPacket) and spec.direction == INBOUND:
            if conn is None or conn.stage == stage.LISTENING:
                return self._new_passive(spec)
        elif conn is not None and conn.stage == stage.CONNECTING and _is_syn(spec):
            conn.stage = stage.SYN_SENT
            conn.script_iss = spec.seq
        if conn is None:
            raise Mismatch("no socket or packet before tells which connection this packet is of")
        return conn

    def _new_passive(self, spec: TcpPacket) -> Connection:
        conn = self.calls.new_connection()
        conn.stage = stage.SYN_RECEIVED
        conn.script_irs = conn.live_irs = spec.seq
        conn.local, conn.local_port = self._local(), self.config.bind_port
        conn.remote = parse_ip(self.config.remote_ip)
        conn.remote_port = self.config.remote_port + len(self.calls.connections)
        return conn

    def _inbound(self, conn: Connection, spec: TcpPacket | IcmpPacket | UdpPacket) -> None:
        now = self.machine.now()
        if isinstance(spec, TcpPacket):
            if conn.stage == stage.SYNACK_SENT and spec.flags & ACK:
                conn.stage = stage.OPEN
            elif conn.stage == stage.SYN_SENT and spec.flags & SYN:
                if spec.flags & ACK:
                    conn.stage = stage.OPEN
                conn.script_irs = conn.live_irs = spec.seq
            live = conn.inbound(spec, now, self.config.tcp_ts_ecr_scaled)
            self.calls.signer.sign(conn, live)
        elif isinstance(spec, IcmpPacket):
            if spec.kind >= ICMP6 or spec.code >= ICMP6:
                raise Unsupported("an ICMPv6 message")
            live = conn.inbound_icmp(spec, now)
        else:
            if not conn.remote:
                conn.local, conn.local_port = self._local(), self.config.bind_port
                conn.remote, conn.remote_port = parse_ip(self.config.remote_ip), self.config.connect_port
            live = conn.inbound_udp(spec, now)
        live.tos = spec.ip.tos or 0
        if spec.ip.ecn is not None:
            live.tos = live.tos & ~3 | spec.ip.ecn[0]
        live.ttl = spec.ip.ttl if spec.ip.ttl is not None else live.ttl
        # With --mss, longer packets come as super-segments of it, as over a tun with a virtio header.
        if len(live.payload) > self.config.mss:
            live.gso_size = self.config.mss
        self.machine.deliver(live)
        if self.machine.device.fault is not None:
            raise Mismatch(f"the stack raised {self.machine.device.fault!r} for this packet")
        self._check_call()

    def _outbound(
        self, conn: Connection, spec: TcpPacket | IcmpPacket | UdpPacket, event: Event, at: int, until: int
    ) -> None:
        if conn.stage == stage.SYN_RECEIVED and isinstance(spec, TcpPacket) and spec.flags & SYN and spec.flags & ACK:
            conn.script_iss = spec.seq
        wait = SOMETIME if event.when.kind == ANY else LATE
        deadline = min(START + max(at, until) * US + wait, NEVER - SECOND)
        pieces: list[Live] = []
        total = 0
        while True:
            live = self._sniff(conn, spec, deadline)
            if live is None:
                raise self._missing(event, pieces, max(at, until))
            if pieces:
                self._check_piece(spec, event, pieces[-1], live, total)
            pieces.append(live)
            total += len(live.payload)
            if not isinstance(spec, TcpPacket) or total >= spec.length or self.config.strict_segments:
                break
        live = pieces[0] if len(pieces) == 1 else join(pieces)
        if isinstance(spec, TcpPacket):
            conn.map_timestamps(spec, live)
        limit = (self.config.tcp_ts_tick_usecs, self.config.tolerance_usecs)
        wrong = differences(spec, live, limit)
        lines = (f"script: {event.text}", f"stack:  > {packet_text(live)}")
        if wrong:
            raise Mismatch("the packet is not as expected: " + "; ".join(wrong), (*lines, *wrong))
        try:
            self._check_time("the packet was sent", (live.at - START) // US, event, at, until)
        except Mismatch as error:
            raise Mismatch(error.message, (*lines, *error.details)) from None
        self._check_call()

    def _sniff(self, conn: Connection, spec: Any, deadline: int) -> Live | None:
        """The next packet of the connection, in the script's numbers."""
        while True:
            live = self.machine.next_packet(deadline)
            if live is None:
                return None
            if live.protocol < 0:
                raise Mismatch("the stack sent a packet that " + ", ".join(live.faults))
            icmp = isinstance(spec, IcmpPacket) and live.protocol == 1 and live.dst == conn.remote
            if not (icmp or conn.owns(live) or conn.adopt(live)):
                continue
            is_synack = live.flags & (SYN | ACK) == SYN | ACK
            if conn.stage == stage.SYN_RECEIVED and is_synack and isinstance(spec, TcpPacket) and spec.flags & SYN:
                conn.stage = stage.SYNACK_SENT
                conn.live_iss = live.seq
            self.calls.signer.check(conn, live)
            return conn.to_script(live)

    def _check_piece(self, spec: Any, event: Event, before: Live, live: Live, got: int) -> None:
        if live.seq != (before.seq + len(before.payload)) & 0xFFFFFFFF:
            # Not its next piece but another packet, perhaps the same again.
            again = f"next, at {_seconds((live.at - START) // US)} s: > {packet_text(live)}"
            lines = (f"script: {event.text}", f"stack:  > {packet_text(before)}", again)
            raise Mismatch(f"only {got} octets of the expected packet were sent", lines)
        wrong = piece_differences(before, live, got, spec.length)
        if wrong:
            lines = (f"script: {event.text}", f"stack:  > {packet_text(before)}", f"then:   > {packet_text(live)}")
            raise Mismatch("packets of the stack do not add up to the expected one: " + "; ".join(wrong), lines)

    def _missing(self, event: Event, pieces: list[Live], at: int) -> Mismatch:
        lines = [f"script: {event.text}", *(f"stack:  > {packet_text(piece)}" for piece in pieces)]
        lines += ["last packets:", *self.trace(TRACE_LINES)]
        if pieces:
            got = sum(len(piece.payload) for piece in pieces)
            return Mismatch(f"only {got} octets of the expected packet were sent", tuple(lines))
        return Mismatch(f"the packet expected at {_seconds(at)} s is never sent", tuple(lines))

    # Calls.

    def _syscall(self, event: Event, call: Syscall, at: int, offset: int) -> None:
        arguments = [value_of(argument) for argument in call.arguments]
        expected = value_of(call.result)
        if not isinstance(expected, int):
            raise Unsupported(f"a result that is no number: {call.text}")
        if call.end is None:
            self.machine.host.impatient = True
            try:
                answer = self.calls.make(call.name, arguments)
            finally:
                self.machine.host.impatient = False
            self.machine.settle()
            self._compare(call, expected, answer)
            return
        blocking = self.machine.start_call(lambda: self.calls.make(call.name, arguments))
        self._pending = (blocking, event, call.end + offset, at)
        self._check_call()

    def _compare(self, call: Syscall, expected: int, answer: Answer) -> None:
        if answer.is_descriptor and expected >= 0:
            matches = answer.result >= 0
        else:
            # Linux's calls return an int: a script may say 4294967295 for -1.
            matches = (answer.result - expected) & 0xFFFFFFFF == 0
        if not matches:
            said = f"{answer.result}{_errno(answer.errno)}"
            wanted = f"{expected} {call.errno}".rstrip()
            raise Mismatch(f"{call.name}() gave {said}, {wanted} expected", (f"script: {call.text}",))
        if call.errno and answer.errno != errno_of(call.errno):
            raise Mismatch(
                f"{call.name}() failed with{_errno(answer.errno) or ' no error'}, {call.errno} expected",
                (f"script: {call.text}",),
            )
        if answer.after is not None and answer.result >= 0:
            try:
                answer.after(expected)
            except Mismatch as error:
                raise Mismatch(f"{call.name}(): {error.message}", (f"script: {call.text}",)) from None

    def _check_call(self) -> None:
        """Compare the blocking call when it has returned."""
        if self._pending is None:
            return
        blocking, event, end, start = self._pending
        if blocking.finished_at < 0:
            return
        self._pending, self._event = None, event
        if blocking.raised is not None:
            raise blocking.raised
        assert isinstance(event.action, Syscall)
        expected = value_of(event.action.result)
        assert isinstance(expected, int)
        self._compare(event.action, expected, blocking.outcome)
        happened = (blocking.finished_at - START) // US
        tolerance = max(self.config.tolerance_usecs, int((end - start) * self.config.tolerance_percent / 100))
        if abs(happened - end) > tolerance:
            raise Mismatch(
                f"{event.action.name}() returned at {_seconds(happened)} s, {_seconds(end)} s expected",
                (f"script: {event.action.text}", f"{tolerance} us are allowed"),
            )

    def _finish_pending(self) -> None:
        """A call waits for the one before it."""
        if self._pending is None:
            return
        event = self._event
        if not self.machine.finish_call(PENDING):
            self._event = self._pending[1]
            raise Mismatch("the call still blocks when the script goes on", (f"script: {self._event.text}",))
        self._check_call()
        self._event = event

    def _code(self, event: Event, block: Code) -> None:
        conn = self.calls.connection
        if conn is None or conn.fd < 0:
            raise Mismatch("there is no socket to look at")
        try:
            file: Any = self.machine.host.fds.get(conn.fd)
        except OSError:
            raise Mismatch("the socket to look at is closed") from None
        self.blocks.add(event.line, block.text, snapshot(file))


def _is_syn(spec: TcpPacket | IcmpPacket | UdpPacket) -> TypeGuard[TcpPacket]:
    return isinstance(spec, TcpPacket) and spec.flags & (SYN | ACK) == SYN


def _seconds(at: int) -> str:
    return f"{at / 1e6:.6f}"


def _errno(number: int) -> str:
    return f" {errno.errorcode.get(number, number)}" if number else ""
