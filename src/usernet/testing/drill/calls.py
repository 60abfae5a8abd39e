"""System calls of a script: arguments in, the stack's sockets called, what they gave back."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from errno import EBADF, EFAULT, EINVAL, ENOENT, EOPNOTSUPP
from typing import Any, Final

from ...core.const import IPPROTO_TCP, MS
from ...ip.address import parse_ip
from ...sockets.epoll import Epoll
from ...sockets.errors import os_error
from ...sockets.factory import socket
from ...sockets.file import File
from . import connection as stage
from .config import Config
from .connection import Connection
from .errors import Mismatch, Unsupported
from .files import PipeBuffer, PipeEnd, ZeroFile
from .machine import Machine
from .script import Expression, Struct
from .signing import Signer, info_struct
from .structs import check_epoll_event, check_message, check_poll, control_of
from .symbols import SYMBOLS, is_open

AF_INET: Final = SYMBOLS["AF_INET"]
O_NONBLOCK: Final = SYMBOLS["O_NONBLOCK"]
O_RDWR: Final = SYMBOLS["O_RDWR"]
MSG_TRUNC: Final = SYMBOLS["MSG_TRUNC"]
MSG_FASTOPEN: Final = SYMBOLS["MSG_FASTOPEN"]
CONTROL_ROOM: Final = 4096


@dataclass(slots=True)
class Answer:
    """What a call gave: its result, its errno, and what is to be done or looked at when both are as expected."""

    result: int
    errno: int = 0
    after: Callable[[int], None] | None = None
    is_descriptor: bool = False


class Calls:
    """The calls of one run. ``connection`` is the one under test, ``fds`` the run's descriptors by the script's."""

    def __init__(self, machine: Machine, config: Config) -> None:
        self.machine = machine
        self.host = machine.host
        self.config = config
        self.fds: dict[int, int] = {}
        self.connections: list[Connection] = []
        self.connection: Connection | None = None
        self.signer = Signer()
        # Per epoll and watched descriptor: what epoll_ctl gave as data.
        self._epoll_data: dict[tuple[int, int], tuple[str, int]] = {}
        self.table: dict[str, tuple[Callable[[list[Any]], Answer], tuple[int, ...]]] = {
            "socket": (self.socket, (3,)),
            "bind": (self.bind, (3,)),
            "listen": (self.listen, (2,)),
            "accept": (self.accept, (3,)),
            "accept4": (self.accept, (4,)),
            "connect": (self.connect, (3,)),
            "close": (self.close, (1,)),
            "shutdown": (self.shutdown, (2,)),
            "read": (self.read, (3,)),
            "readv": (self.readv, (3,)),
            "recv": (self.recv, (4,)),
            "recvfrom": (self.recv, (6,)),
            "recvmsg": (self.recvmsg, (3,)),
            "write": (self.write, (3,)),
            "writev": (self.writev, (3,)),
            "send": (self.send, (4,)),
            "sendto": (self.sendto, (6,)),
            "sendmsg": (self.sendmsg, (3,)),
            "fcntl": (self.fcntl, (2, 3)),
            "ioctl": (self.ioctl, (2, 3)),
            "getsockopt": (self.getsockopt, (5,)),
            "setsockopt": (self.setsockopt, (5,)),
            "getsockname": (self.getsockname, (3,)),
            "getpeername": (self.getpeername, (3,)),
            "poll": (self.poll, (3,)),
            "epoll_create": (self.epoll_create, (1,)),
            "epoll_create1": (self.epoll_create, (1,)),
            "epoll_ctl": (self.epoll_ctl, (4,)),
            "epoll_wait": (self.epoll_wait, (4,)),
            "pipe": (self.pipe, (1,)),
            "splice": (self.splice, (6,)),
            "open": (self.open, (2,)),
            "sendfile": (self.sendfile, (4,)),
            "cap_set": (self.cap_set, (3,)),
        }

    def make(self, name: str, arguments: list[Any]) -> Answer:
        """One call. Raises Unsupported for one nobody knows, Mismatch for arguments it cannot be called with."""
        if name not in self.table:
            raise Unsupported(f"the system call {name}()")
        call, counts = self.table[name]
        if len(arguments) not in counts:
            raise Mismatch(f"{name}() takes {' or '.join(map(str, counts))} arguments, not {len(arguments)}")
        try:
            return call(arguments)
        except OSError as error:
            return Answer(-1, error.errno or 0)

    # Descriptors.

    def live_fd(self, script_fd: Any) -> int:
        """The run's descriptor for the script's. Raises Mismatch when no call of the script opened it."""
        if not isinstance(script_fd, int) or script_fd not in self.fds:
            raise Mismatch(f"no call of the script has opened descriptor {script_fd}")
        return self.fds[script_fd]

    def file(self, script_fd: Any) -> Any:
        """What a descriptor of the script refers to."""
        return self.host.fds.get(self.live_fd(script_fd))

    def _sock(self, script_fd: Any) -> Any:
        file = self.file(script_fd)
        if not hasattr(file, "setsockopt"):
            raise os_error(EBADF)
        return file

    def _connection_of(self, script_fd: int) -> Connection | None:
        fd = self.live_fd(script_fd)
        return next((c for c in reversed(self.connections) if c.fd == fd), None)

    def _opened(self, file: File) -> Answer:
        fd = self.host.fds.open(file)

        def adopt(script_fd: int) -> None:
            # A number that the script has open already means the newer one from now on, as with packetdrill.
            self.fds[script_fd] = fd

        return Answer(fd, after=adopt, is_descriptor=True)

    def new_connection(self) -> Connection:
        """The connection under test from now on."""
        self.connection = Connection()
        self.connections.append(self.connection)
        return self.connection

    # Opening and closing.

    def socket(self, a: list[Any]) -> Answer:
        """socket(2)."""
        domain = AF_INET if is_open(a[0]) else a[0]
        if domain != AF_INET or a[2] == SYMBOLS["IPPROTO_MPTCP"]:
            raise Unsupported(f"sockets of family {domain}, protocol {a[2]}")
        made = socket(self.machine.stack, self.host, domain, a[1], a[2])
        answer = self._opened(made)
        conn = self.new_connection()
        conn.fd = answer.result
        conn.protocol = made.protocol or IPPROTO_TCP
        return answer

    def bind(self, a: list[Any]) -> Answer:
        """bind(2): to the local address and --bind_port."""
        self._sock(a[0]).bind(self._address(a[1], self.config.local_ip, self.config.bind_port))
        return Answer(0)

    def _address(self, given: Expression, host: str, port: int) -> tuple[str, int]:
        if isinstance(given, Struct):
            name = given.get("sin_addr")
            return (name.decode() if isinstance(name, bytes) else host), int(str(given.get("sin_port", port)))
        return host, port

    def listen(self, a: list[Any]) -> Answer:
        """listen(2)."""
        self._sock(a[0]).listen(a[1])
        conn = self._connection_of(a[0])
        if conn is not None:
            conn.stage = stage.LISTENING
        return Answer(0)

    def accept(self, a: list[Any]) -> Answer:
        """accept(2), accept4(2)."""
        child, _ = self._sock(a[0]).accept()
        if len(a) > 3 and a[3] & O_NONBLOCK:
            child.timeout_ns = 0
        answer = self._opened(child)
        for conn in reversed(self.connections):
            if conn.stage in (stage.SYNACK_SENT, stage.OPEN) and conn.fd < 0:
                conn.fd = answer.result
                break
        return answer

    def _begin_connect(self, script_fd: int, family: Expression) -> tuple[str, int] | None:
        """What the connection under test becomes by connect(), or a send that connects; None for AF_UNSPEC."""
        conn = self._connection_of(script_fd)
        if isinstance(family, int) and family == SYMBOLS["AF_UNSPEC"]:
            if conn is not None:
                conn.stage = stage.NEW
            return None
        if isinstance(family, int) and family != AF_INET:
            raise Unsupported(f"connecting to an address of family {family}")
        address = self._address(family, self.config.remote_ip, self.config.connect_port)
        if conn is not None and conn.stage == stage.NEW:
            conn.stage = stage.CONNECTING
            conn.remote, conn.remote_port = parse_ip(address[0]), address[1]
        return address

    def connect(self, a: list[Any]) -> Answer:
        """connect(2): to the remote address and --connect_port; AF_UNSPEC in place of an address disconnects."""
        sock = self._sock(a[0])
        address = self._begin_connect(a[0], a[1])
        if address is None:
            sock.disconnect()
        else:
            sock.connect(address)
            conn = self._connection_of(a[0])
            is_stream = conn is not None and conn.protocol == IPPROTO_TCP
            if conn is not None and is_stream and sock.getsockopt(IPPROTO_TCP, SYMBOLS["TCP_REPAIR"]):
                conn.resumes(sock.getsockname())
        return Answer(0)

    def close(self, a: list[Any]) -> Answer:
        """close(2)."""
        fd = self.live_fd(a[0])
        self.host.fds.close(fd)
        del self.fds[a[0]]
        return Answer(0)

    def shutdown(self, a: list[Any]) -> Answer:
        """shutdown(2)."""
        self._sock(a[0]).shutdown(a[1])
        return Answer(0)

    def getsockname(self, a: list[Any]) -> Answer:
        """getsockname(2); the name is not looked at."""
        self._sock(a[0]).getsockname()
        return Answer(0)

    def getpeername(self, a: list[Any]) -> Answer:
        """getpeername(2); the name is not looked at."""
        self._sock(a[0]).getpeername()
        return Answer(0)

    # Receiving.

    def read(self, a: list[Any]) -> Answer:
        """read(2)."""
        file = self.file(a[0])
        if isinstance(file, PipeEnd | ZeroFile):
            return Answer(len(file.read(a[2])))
        return self.recv([a[0], a[1], a[2], 0])

    def readv(self, a: list[Any]) -> Answer:
        """readv(2)."""
        return Answer(len(self._sock(a[0]).recv(sum(_lengths(a[1], a[2])), 0)))

    def recv(self, a: list[Any]) -> Answer:
        """recv(2), recvfrom(2); a buffer of 0 is the null pointer."""
        if not is_open(a[1]) and a[2] and not a[3] & MSG_TRUNC:
            raise os_error(EFAULT)
        return Answer(len(self._sock(a[0]).recv(a[2], a[3])))

    def recvmsg(self, a: list[Any]) -> Answer:
        """recvmsg(2), the control messages and flags of which are compared."""
        message = _struct(a[1], "recvmsg() takes a msghdr: {msg_name(...)=..., msg_iov(1)=[{..., 1000}], ...}")
        size = sum(_lengths(message.get("msg_iov", []), None))
        data, control, flags, _ = self._sock(a[0]).recvmsg(size, CONTROL_ROOM, a[2])

        def check(_: int) -> None:
            check_message(message, control, flags, self.config.tolerance_usecs)

        return Answer(len(data), after=check)

    # Sending.

    def write(self, a: list[Any]) -> Answer:
        """write(2), of zeros."""
        file = self.file(a[0])
        if isinstance(file, PipeEnd):
            return Answer(file.write(bytes(a[2])))
        return self.send([a[0], a[1], a[2], 0])

    def writev(self, a: list[Any]) -> Answer:
        """writev(2)."""
        return Answer(self._sock(a[0]).sendmsg([bytes(n) for n in _lengths(a[1], a[2])]))

    def send(self, a: list[Any]) -> Answer:
        """send(2)."""
        if not is_open(a[1]) and a[2]:
            raise os_error(EFAULT)
        # A C program's buffer may change, and a zero-copy send of it is a copy.
        data = bytearray(a[2]) if a[3] & SYMBOLS["MSG_ZEROCOPY"] else bytes(a[2])
        return Answer(self._sock(a[0]).send(data, a[3]))

    def sendto(self, a: list[Any]) -> Answer:
        """sendto(2), which connects with MSG_FASTOPEN."""
        sock = self._sock(a[0])
        address = self._begin_connect(a[0], a[4])
        if address is None and a[3] & MSG_FASTOPEN:
            raise os_error(EOPNOTSUPP)
        if not is_open(a[1]) and a[2]:
            raise os_error(EFAULT)
        data = bytearray(a[2]) if a[3] & SYMBOLS["MSG_ZEROCOPY"] else bytes(a[2])
        return Answer(sock.sendto(data, a[3], address))

    def sendmsg(self, a: list[Any]) -> Answer:
        """sendmsg(2); with a name it connects as sendto does."""
        message = _struct(a[1], "sendmsg() takes a msghdr: {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}")
        sock = self._sock(a[0])
        address = self._begin_connect(a[0], message.get("msg_name")) if "msg_name" in message.names() else None
        kind = bytearray if a[2] & SYMBOLS["MSG_ZEROCOPY"] else bytes
        buffers = [kind(n) for n in _lengths(message.get("msg_iov", []), None)]
        return Answer(sock.sendmsg(buffers, control_of(message), a[2], address))

    # Options and control.

    def fcntl(self, a: list[Any]) -> Answer:
        """fcntl(2): the flags of an open file."""
        file = self.file(a[0])
        if a[1] == SYMBOLS["F_GETFL"]:
            return Answer(O_RDWR | (O_NONBLOCK if getattr(file, "timeout_ns", -1) == 0 else 0))
        if a[1] == SYMBOLS["F_SETFL"]:
            if hasattr(file, "timeout_ns"):
                file.timeout_ns = 0 if a[2] & O_NONBLOCK else -1
            return Answer(0)
        if a[1] in (SYMBOLS["F_GETFD"], SYMBOLS["F_SETFD"]):
            return Answer(0)
        raise os_error(EINVAL)

    def ioctl(self, a: list[Any]) -> Answer:
        """ioctl(2): SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK."""
        sock = self._sock(a[0])
        value = sock.ioctl(a[1])
        if len(a) == 2:
            return Answer(0)
        expected = _single(a[2])

        def check(_: int) -> None:
            if value != expected:
                raise Mismatch(f"ioctl() gave {value}, {expected} expected")

        return Answer(0, after=check)

    def setsockopt(self, a: list[Any]) -> Answer:
        """setsockopt(2)."""
        value = a[3]
        if isinstance(value, Struct) and (a[1], a[2]) == (IPPROTO_TCP, SYMBOLS["TCP_AO_ADD_KEY"]):
            value = self.signer.key_struct(value, self.config.remote_ip)
        elif isinstance(value, Struct) and (a[1], a[2]) == (IPPROTO_TCP, SYMBOLS["TCP_MD5SIG"]):
            value = self.signer.md5_struct(value, self.config.remote_ip)
        elif isinstance(value, Struct) and (a[1], a[2]) == (IPPROTO_TCP, SYMBOLS["TCP_AO_INFO"]):
            value = info_struct(value)
        elif isinstance(value, Struct):
            value = _linger(value)
        elif isinstance(value, list) and a[4] == 8:
            value = struct.pack("=Q", _single(value) & (1 << 64) - 1)
        elif isinstance(value, list):
            # An int of C: 0xffffffff is -1.
            value = (_single(value) + (1 << 31)) % (1 << 32) - (1 << 31)
        elif isinstance(value, bytes):
            value = value[: a[4]].ljust(a[4], b"\0") if isinstance(a[4], int) else value
        if not isinstance(value, int | bytes):
            raise Unsupported("a value of setsockopt() of this form")
        self._sock(a[0]).setsockopt(a[1], a[2], value)
        return Answer(0)

    def getsockopt(self, a: list[Any]) -> Answer:
        """getsockopt(2): length and value are compared."""
        length = _single(a[4])
        # Python's call takes a length of 0 for the wish for an int.
        octets = self._sock(a[0]).getsockopt(a[1], a[2], length or 1)[:length]

        def check(_: int) -> None:
            _check_option(a[3], length, octets)

        return Answer(0, after=check)

    # Readiness.

    def poll(self, a: list[Any]) -> Answer:
        """poll(2)."""
        wanted = [(entry, self.file(entry.get("fd"))) for entry in a[0]]
        if a[1] != len(wanted):
            raise Mismatch(f"poll() of {a[1]} descriptors with an array of {len(wanted)}")
        waiting = Epoll(self.host)
        ready: list[int] = []
        try:
            for entry, _ in wanted:
                waiting.register(self.live_fd(entry.get("fd")), int(str(entry.get("events"))))
            waiting.wait(a[2] * MS if a[2] >= 0 else -1, len(wanted))
            with self.host.lock:
                ready = [file.poll() for _, file in wanted]
        finally:
            waiting.close()
        found = check_poll([entry for entry, _ in wanted], ready)
        return Answer(sum(mask != 0 for mask in found.masks), after=lambda _: found.check())

    def epoll_create(self, a: list[Any]) -> Answer:
        """epoll_create(2), epoll_create1(2)."""
        return self._opened(Epoll(self.host))

    def epoll_ctl(self, a: list[Any]) -> Answer:
        """epoll_ctl(2)."""
        epoll: Any = self.file(a[0])
        fd = self.live_fd(a[2])
        event = _struct(a[3], "epoll_ctl() takes an event: {events=EPOLLIN, fd=4}")
        events = int(str(event.get("events"))) & 0xFFFFFFFF
        if a[1] == SYMBOLS["EPOLL_CTL_DEL"]:
            epoll.unregister(fd)
            return Answer(0)
        if a[1] == SYMBOLS["EPOLL_CTL_ADD"]:
            epoll.register(fd, events)
        elif a[1] == SYMBOLS["EPOLL_CTL_MOD"]:
            epoll.modify(fd, events)
        else:
            raise os_error(EINVAL)
        name = next((n for n in event.names() if n in ("fd", "ptr", "u32", "u64")), "fd")
        self._epoll_data[self.live_fd(a[0]), fd] = (name, int(str(event.get(name, a[2]))))
        return Answer(0)

    def epoll_wait(self, a: list[Any]) -> Answer:
        """epoll_wait(2), the first event of which is compared."""
        epoll: Any = self.file(a[0])
        expected = _struct(a[1], "epoll_wait() takes an event: {events=EPOLLIN, fd=4}")
        found = epoll.wait(a[3] * MS if a[3] >= 0 else -1, a[2])

        def check(_: int) -> None:
            if found:
                fd, events = found[0]
                check_epoll_event(expected, events, self._epoll_data[self.live_fd(a[0]), fd])

        return Answer(len(found), after=check)

    # Files and pipes.

    def pipe(self, a: list[Any]) -> Answer:
        """pipe(2)."""
        names = a[0].fields if isinstance(a[0], Struct) else [("", item) for item in a[0]]
        buffer = PipeBuffer()
        for (_, script_fd), writes in zip(names, (False, True), strict=True):
            self.fds[script_fd] = self.host.fds.open(PipeEnd(self.host, buffer, writes))
        return Answer(0)

    def open(self, a: list[Any]) -> Answer:
        """open(2): /dev/zero, or a file a command of the script has made."""
        path = a[0].decode() if isinstance(a[0], bytes) else ""
        if path not in self.machine.files:
            raise os_error(ENOENT)
        return self._opened(ZeroFile(self.host, self.machine.files[path]))

    def splice(self, a: list[Any]) -> Answer:
        """splice(2) between a socket and a pipe."""
        source, sink = self.file(a[0]), self.file(a[2])
        flags = a[5]
        if isinstance(sink, PipeEnd):
            dontwait = SYMBOLS["MSG_DONTWAIT"] if flags & SYMBOLS["SPLICE_F_NONBLOCK"] else 0
            if source.ioctl(SYMBOLS["SIOCINQ"]) == 0 and source.ioctl(SYMBOLS["SIOCATMARK"]):
                # What waits is an urgent octet out of line, which no splice takes.
                return Answer(0)
            return Answer(sink.write(source.recv(min(a[4], sink.room()), dontwait)))
        if not isinstance(source, PipeEnd):
            raise os_error(EINVAL)
        more = SYMBOLS["MSG_MORE"] if flags & SYMBOLS["SPLICE_F_MORE"] else 0
        octets = bytes(source.buffer.data[: a[4]])
        sent = sink.send(octets, more) if octets else 0
        source.read(sent)
        return Answer(sent)

    def sendfile(self, a: list[Any]) -> Answer:
        """sendfile(2) out of a file of zeros."""
        source = self.file(a[1])
        if not isinstance(source, ZeroFile):
            raise os_error(EINVAL)
        at = _single(a[2]) if isinstance(a[2], list) else source.at
        octets = bytes(max(min(a[3], source.size - at), 0))
        sent = self._sock(a[0]).send(octets, 0) if octets else 0
        if not isinstance(a[2], list):
            source.at += sent
        return Answer(sent)

    def cap_set(self, a: list[Any]) -> Answer:
        """cap_set_proc(3): nobody is privileged here, and nobody needs to be."""
        return Answer(0)


def _struct(value: Any, message: str) -> Struct:
    if not isinstance(value, Struct):
        raise Mismatch(message)
    return value


def _single(value: Any) -> int:
    """``[5]``."""
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], int):
        raise Unsupported("a value that is not one number in brackets")
    return value[0]


def _lengths(vectors: Any, count: int | None) -> list[int]:
    """Lengths of an iovec array ``[{..., 1000}, {..., 2000}]``."""
    if not isinstance(vectors, list) or not all(isinstance(v, Struct) and len(v.fields) == 2 for v in vectors):
        raise Mismatch("an array of {..., LENGTH} is needed")
    if count is not None and count != len(vectors):
        raise Mismatch(f"{count} vectors announced and {len(vectors)} given")
    return [int(vector.fields[1][1]) for vector in vectors]


def _linger(value: Struct) -> bytes:
    if value.names() != ("onoff", "linger"):
        raise Unsupported(f"a structure of {', '.join(value.names())} as an option")
    return struct.pack("=ii", value.get("onoff"), value.get("linger"))


def _check_option(expected: Any, length: int, octets: bytes) -> None:
    if len(octets) != length:
        raise Mismatch(f"getsockopt() gave {len(octets)} octets, {length} expected")
    if isinstance(expected, bytes):
        if octets != expected:
            raise Mismatch(f"getsockopt() gave {octets!r}, {expected!r} expected")
    elif isinstance(expected, Struct):
        if octets[:8] != _linger(expected):
            raise Mismatch(f"getsockopt() gave {struct.unpack_from('=ii', octets)}")
    elif isinstance(expected, list) and expected and length > 0 and not is_open(expected[0]):
        number = _single(expected)
        given = int.from_bytes(octets, "little", signed=True)
        if given != number and given & (1 << 8 * length) - 1 != number:
            raise Mismatch(f"getsockopt() gave {given}, {number} expected")
