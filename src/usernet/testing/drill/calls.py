"""System calls of a script: arguments in, the stack's sockets called, what they gave back."""

from __future__ import annotations

from collections.abc import Callable
from errno import EFAULT, EINVAL, ENOENT, EOPNOTSUPP
from typing import Any, Final

from ...core.const import IPPROTO_TCP
from ...ip.address import parse_ip
from ...sockets.errors import os_error
from ...sockets.factory import socket
from ...sockets.ping import PingSocket
from . import connection as stage
from .arguments import checked, lengths, number, shown, single
from .config import Config
from .connection import Connection
from .descriptors import Answer
from .errors import Mismatch, Unsupported, nearest
from .files import PipeBuffer, PipeEnd, ZeroFile
from .machine import Machine
from .packet_lines import ICMP_TYPES
from .script import Expression, Struct
from .signing import Signer, info_struct
from .structs import check_message, check_option, control_of, linger_octets
from .symbols import SYMBOLS, is_open
from .waiting import Waiting

AF_INET: Final = SYMBOLS["AF_INET"]
O_NONBLOCK: Final = SYMBOLS["O_NONBLOCK"]
O_RDWR: Final = SYMBOLS["O_RDWR"]
MSG_TRUNC: Final = SYMBOLS["MSG_TRUNC"]
MSG_FASTOPEN: Final = SYMBOLS["MSG_FASTOPEN"]
CONTROL_ROOM: Final = 4096
ICMP_HEADER: Final = 8


class Calls(Waiting):
    """The calls of one run. ``connection`` is the one under test."""

    def __init__(self, machine: Machine, config: Config) -> None:
        super().__init__(machine)
        self.config = config
        self.connections: list[Connection] = []
        self.connection: Connection | None = None
        self.signer = Signer()
        # What each takes: see KINDS of arguments.py.
        self.table: dict[str, tuple[Callable[[list[Any]], Answer], str]] = {
            "socket": (self.socket, "?ii"),
            "bind": (self.bind, "d??"),
            "listen": (self.listen, "di"),
            "accept": (self.accept, "d??"),
            "accept4": (self.accept, "d??i"),
            "connect": (self.connect, "d??"),
            "close": (self.close, "d"),
            "shutdown": (self.shutdown, "di"),
            "read": (self.read, "dbn"),
            "readv": (self.readv, "dvi"),
            "recv": (self.recv, "dbni"),
            "recvfrom": (self.recv, "dbni??"),
            "recvmsg": (self.recvmsg, "dmi"),
            "write": (self.write, "dbn"),
            "writev": (self.writev, "dvi"),
            "send": (self.send, "dbni"),
            "sendto": (self.sendto, "dbni??"),
            "sendmsg": (self.sendmsg, "dmi"),
            "fcntl": (self.fcntl, "di dii"),
            "ioctl": (self.ioctl, "di di["),
            "getsockopt": (self.getsockopt, "dii?["),
            "setsockopt": (self.setsockopt, "dii?i"),
            "getsockname": (self.getsockname, "d??"),
            "getpeername": (self.getpeername, "d??"),
            "poll": (self.poll, "pii"),
            "epoll_create": (self.epoll_create, "i"),
            "epoll_create1": (self.epoll_create, "i"),
            "epoll_ctl": (self.epoll_ctl, "dide"),
            "epoll_wait": (self.epoll_wait, "deii"),
            "pipe": (self.pipe, "2"),
            "splice": (self.splice, "dldlni"),
            "open": (self.open, "si"),
            "sendfile": (self.sendfile, "dd?n"),
            "cap_set": (self.cap_set, "iii"),
        }

    def make(self, name: str, arguments: list[Any]) -> Answer:
        """One call. Raises Unsupported for one nobody knows, Mismatch for arguments it cannot be called with."""
        if name not in self.table:
            raise Unsupported(f"the system call {name}()" + nearest(name, self.table))
        call, forms = self.table[name]
        try:
            return call(checked(name, forms, arguments))
        except OSError as error:
            return Answer(-1, error.errno or 0)

    def _connection_of(self, script_fd: int) -> Connection | None:
        fd = self.live_fd(script_fd)
        return next((c for c in reversed(self.connections) if c.fd == fd), None)

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
            return (name.decode() if isinstance(name, bytes) else host), number(given.get("sin_port", port))
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
        # Alone of the calls, accept() may give a number that is open already, which then means the newer one.
        answer.after = lambda script_fd: self.fds.__setitem__(script_fd, answer.result)
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
        return Answer(len(self._sock(a[0]).recv(sum(_announced(a)), 0)))

    def recv(self, a: list[Any]) -> Answer:
        """recv(2), recvfrom(2); a buffer of 0 is the null pointer."""
        if not is_open(a[1]) and a[2] and not a[3] & MSG_TRUNC:
            raise os_error(EFAULT)
        return Answer(len(self._sock(a[0]).recv(a[2], a[3])))

    def recvmsg(self, a: list[Any]) -> Answer:
        """recvmsg(2), the control messages and flags of which are compared."""
        message = a[1]
        size = sum(lengths(message.get("msg_iov", [])))
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
        return Answer(self._sock(a[0]).sendmsg([bytes(n) for n in _announced(a)]))

    def send(self, a: list[Any]) -> Answer:
        """send(2)."""
        if not is_open(a[1]) and a[2]:
            raise os_error(EFAULT)
        return Answer(self._sock(a[0]).send(_text(a[2], a[3]), a[3]))

    def sendto(self, a: list[Any]) -> Answer:
        """sendto(2), which connects with MSG_FASTOPEN."""
        sock = self._sock(a[0])
        address = self._begin_connect(a[0], a[4])
        if address is None and a[3] & MSG_FASTOPEN:
            raise os_error(EOPNOTSUPP)
        if not is_open(a[1]) and a[2]:
            raise os_error(EFAULT)
        data = _text(a[2], a[3])
        if isinstance(sock, PingSocket) and a[2] >= ICMP_HEADER:
            # Of zeros, as all else, but for the type.
            data = bytes((ICMP_TYPES["echo_request"],)) + data[1:]
        return Answer(sock.sendto(data, a[3], address))

    def sendmsg(self, a: list[Any]) -> Answer:
        """sendmsg(2); with a name it connects as sendto does."""
        message = a[1]
        if message.get("msg_flags", 0) != 0:
            raise Mismatch("sendmsg() has its flags as its argument 3, and looks at no msg_flags")
        sock = self._sock(a[0])
        address = self._begin_connect(a[0], message.get("msg_name")) if "msg_name" in message.names() else None
        buffers = [_text(n, a[2]) for n in lengths(message.get("msg_iov", []))]
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
        expected = single(a[2])

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
            value = linger_octets(value)
        elif isinstance(value, list):
            # Of a C program's int, as many octets as it says.
            size = 8 if a[4] == 8 else 4
            value = (single(value) & (1 << 8 * size) - 1).to_bytes(size, "little")[: max(a[4], 0)]
        elif isinstance(value, bytes):
            value = value[: a[4]].ljust(a[4], b"\0")
        if not isinstance(value, bytes):
            raise Unsupported(f"a value of setsockopt() like {shown(value)}")
        self._sock(a[0]).setsockopt(a[1], a[2], value)
        return Answer(0)

    def getsockopt(self, a: list[Any]) -> Answer:
        """getsockopt(2): length and value are compared."""
        length = single(a[4])
        # Python's call takes a length of 0 for the wish for an int.
        octets = self._sock(a[0]).getsockopt(a[1], a[2], length or 1)[:length]

        def check(_: int) -> None:
            check_option(a[3], length, octets)

        return Answer(0, after=check)

    # Files and pipes.

    def pipe(self, a: list[Any]) -> Answer:
        """pipe(2)."""
        buffer = PipeBuffer()
        for script_fd, writes in zip(a[0], (False, True), strict=True):
            self._name(script_fd, self.host.fds.open(PipeEnd(self.host, buffer, writes)))
        return Answer(0)

    def open(self, a: list[Any]) -> Answer:
        """open(2): /dev/zero, or a file a command of the script has made."""
        path = a[0].decode("utf-8", "replace")
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
        at = single(a[2]) if isinstance(a[2], list) else source.at
        octets = bytes(max(min(a[3], source.size - at), 0))
        sent = self._sock(a[0]).send(octets, 0) if octets else 0
        if not isinstance(a[2], list):
            source.at += sent
        return Answer(sent)

    def cap_set(self, a: list[Any]) -> Answer:
        """cap_set_proc(3): nobody is privileged here, and nobody needs to be."""
        return Answer(0)


def _text(count: int, flags: int) -> bytes | bytearray:
    # A C program's buffer may change, and a zero-copy send of it is a copy.
    return bytearray(count) if flags & SYMBOLS["MSG_ZEROCOPY"] else bytes(count)


def _announced(a: list[Any]) -> list[int]:
    """Lengths of the vectors of a call that says their number."""
    if a[2] != len(a[1]):
        raise Mismatch(f"{a[2]} vectors announced and {len(a[1])} given")
    return lengths(a[1])
