"""One run of a script: its events in order, when each happens, and whether it is as the script says."""

from __future__ import annotations

import errno
from typing import Any, Final, TypeGuard

from ...core.const import NEVER, SECOND, US
from ...ip.address import parse_ip
from . import connection as stage
from .calls import Calls
from .code import Blocks, snapshot
from .compare import PROTOCOLS, differences, join, piece_differences
from .config import Config
from .connection import Connection
from .descriptors import Answer
from .errors import Mismatch, Unsupported
from .live import Live
from .machine import START, BlockingCall, Machine
from .packet_lines import ICMP6
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

# How long a packet is waited for beyond its time, so that a late one is told from one that never comes.
LATE: Final = 10 * SECOND
# How long one is waited for that may come at any time.
SOMETIME: Final = 600 * SECOND
# How long a call is waited for that still blocks when the script wants to go on.
PENDING: Final = SECOND
TRACE_LINES: Final = 12


class Runner:
    """One run of one script. ``line`` is that of the event at hand."""

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

    @property
    def line(self) -> int:
        """Of the event at hand, or of the call that a mistake is of."""
        return self._event.line

    def run(self) -> None:
        """All of it. Raises Mismatch, Unsupported, or CodeError where it ends before its end."""
        if self.script.init is not None:
            self._event = Event(self.script.init_line, self._event.when, self.script.init, "")
            self.shell.run(self.script.init.text)
        for event in self.script.events:
            self._event = event
            self._run_event(event)
        self._finish_pending()
        if self.script.cleanup is not None:
            self._event = Event(self.script.cleanup_line, self._event.when, self.script.cleanup, "")
            self.shell.run(self.script.cleanup.text)
        self.blocks.run(self.script.name)

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
        is_ours = isinstance(spec, IcmpPacket) or conn.protocol == PROTOCOLS[type(spec)] or any(spec.ports)
        if not is_ours:
            raise Mismatch("the socket before is of another protocol than this packet")
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
            if pieces and live.sport != pieces[-1].sport:
                # A SYN of the socket before, sent again, came first.
                pieces, total = [], 0
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
            if not (conn.owns(live) or conn.adopt(live) or icmp):
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
        errno_of(call.errno)
        if call.end is None:
            self.machine.host.impatient = True
            try:
                answer = self._make(call, arguments)
            finally:
                self.machine.host.impatient = False
            self.machine.settle()
            self._compare(call, expected, answer)
            return
        blocking = self.machine.start_call(lambda: self._make(call, arguments))
        self._pending = (blocking, event, call.end + offset, at)
        self._check_call()

    def _make(self, call: Syscall, arguments: list[Any]) -> Answer:
        try:
            return self.calls.make(call.name, arguments)
        except Mismatch as error:
            raise Mismatch(error.message, (f"script: {call.text}",)) from None

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
        try:
            seen = snapshot(file)
        except OSError:
            raise Mismatch("the socket to look at has no TCP_INFO") from None
        self.blocks.add(event.line, block.text, seen)


def _is_syn(spec: TcpPacket | IcmpPacket | UdpPacket) -> TypeGuard[TcpPacket]:
    return isinstance(spec, TcpPacket) and spec.flags & (SYN | ACK) == SYN


def _seconds(at: int) -> str:
    return f"{at / 1e6:.6f}"


def _errno(number: int) -> str:
    return f" {errno.errorcode.get(number, number)}" if number else ""
