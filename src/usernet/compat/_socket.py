"""``_socket.socket``: the class ``socket.py`` builds on, for our stack and the kernel's (socket(2)).

AF_INET is ours; other families, and descriptors of the kernel, are held as a real ``_socket.socket``.
"""

from __future__ import annotations

import _socket
import operator
import sys
import warnings
from errno import EBADF, ENOTSOCK, EOPNOTSUPP
from os import strerror
from typing import TYPE_CHECKING, Any, NoReturn

from ..core.const import NEVER
from ..host import current_stack
from ..sockets.base import Socket
from ..sockets.factory import socket as open_socket
from ..sockets.tcp import TcpSocket
from ..tcp.trace import Trace
from .addresses import parse_address
from .descriptors import FD_BASE, as_descriptor, file_of, open_descriptor
from .timeout import parse_timeout

if TYPE_CHECKING:
    import cython

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
TYPE_FLAGS = _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
SOCK_NONBLOCK = int(_socket.SOCK_NONBLOCK)


class Defaults:
    """What ``socket.setdefaulttimeout`` set: a number for the whole process, as in the real module."""

    timeout: float | None = None
    timeout_ns: int = -1

    @classmethod
    def set(cls, timeout: float | None) -> None:
        """Change it. Raises as settimeout."""
        cls.timeout_ns = parse_timeout(timeout)
        cls.timeout = None if cls.timeout_ns < 0 else cls.timeout_ns / 1e9


class KernelSocket(_socket.socket):
    """A socket of the kernel, which TLS wants to refer to weakly."""

    __slots__ = ("__weakref__",)


class socket:
    """A socket: its methods and arguments are those of ``_socket.socket``."""

    __slots__ = ("_family", "_fd", "_kernel", "_proto", "_sock", "_timeout_ns", "_type")

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:
        sys.audit("socket.__new__", self, family, type, proto)
        self._fd: Any = None
        self._sock: Socket | None = None
        self._kernel: KernelSocket | None = None
        self._timeout_ns = Defaults.timeout_ns
        if fileno is not None:
            fd = _descriptor(fileno)
            if fd >= FD_BASE:
                self._adopt(fd, family, type, proto)
            else:
                self._hold(KernelSocket(family, type, proto, fd), proto)
            return
        if family == -1:
            family = AF_INET
        if type == -1:
            type = SOCK_STREAM
        if proto == -1:
            proto = 0
        if family not in (AF_INET, AF_INET6):
            self._hold(KernelSocket(family, type, proto), proto)
            return
        kind = type & ~TYPE_FLAGS
        stack = current_stack()
        sock: Socket = open_socket(stack, stack.host, family, kind, proto)
        self._sock = sock
        self._fd = open_descriptor(sock)
        self._describe(family, kind, proto)
        if type & SOCK_NONBLOCK:
            self._timeout_ns = 0
        sock.timeout_ns = self._timeout_ns

    def _adopt(self, fd: Any, family: int, type: int, proto: int) -> None:
        file = file_of(fd)
        if not isinstance(file, Socket):
            raise OSError(ENOTSOCK, strerror(ENOTSOCK))
        self._sock = file
        self._fd = as_descriptor(fd)
        self._describe(
            file.family if family == -1 else family,
            file.type if type == -1 else type & ~TYPE_FLAGS,
            file.protocol if proto == -1 else proto,
        )
        if type != -1 and type & SOCK_NONBLOCK:
            self._timeout_ns = 0
        if self._timeout_ns >= 0:
            file.timeout_ns = self._timeout_ns

    def _hold(self, kernel: KernelSocket, proto: int) -> None:
        if self._timeout_ns >= 0 and kernel.gettimeout() is None:
            kernel.settimeout(self._timeout_ns / 1e9)
        self._kernel = kernel
        self._describe(kernel.family, kernel.type, kernel.proto)

    def _describe(self, family: cython.int, type: cython.int, proto: cython.int) -> None:
        self._family = family
        self._type = type
        self._proto = proto

    @property
    def family(self) -> int:
        """the socket family"""
        return self._family

    @property
    def type(self) -> int:
        """the socket type"""
        return self._type

    @property
    def proto(self) -> int:
        """the socket protocol"""
        return self._proto

    def __repr__(self) -> str:
        return f"<socket object, fd={self.fileno()}, family={self._family}, type={self._type}, proto={self._proto}>"

    def __del__(self) -> None:
        fd = self._fd
        if fd is None and self._kernel is None:
            return
        warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)
        if self._kernel is not None:
            self._kernel.close()
        elif fd is not None:
            fd.table.abandon(fd)

    # Data. The hottest calls come first.

    def recv(self, bufsize: Any, flags: cython.int = 0, /) -> bytes:
        """recv(buffersize[, flags]) -> data"""
        sock: Socket | None = self._sock
        n: cython.Py_ssize_t = bufsize
        if n < 0:
            raise ValueError("negative buffersize in recv")
        if sock is not None:
            return sock.recv(n, flags)
        return self._held().recv(n, flags)

    def send(self, data: Any, flags: cython.int = 0, /) -> int:
        """send(data[, flags]) -> count"""
        sock: Socket | None = self._sock
        if sock is not None:
            return sock.send(data, flags)
        return self._held().send(data, flags)

    def recv_into(self, buffer: Any, nbytes: cython.Py_ssize_t = 0, flags: cython.int = 0) -> int:
        """recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"""
        sock: Socket | None = self._sock
        if nbytes < 0:
            raise ValueError("negative buffersize in recv_into")
        if sock is not None:
            return sock.recv_into(buffer, nbytes, flags)
        return self._held().recv_into(buffer, nbytes, flags)

    def sendall(self, data: Any, flags: cython.int = 0, /) -> None:
        """sendall(data[, flags])"""
        sock: Socket | None = self._sock
        if sock is not None:
            sock.sendall(data, flags)
        else:
            self._held().sendall(data, flags)

    def _accept(self) -> Any:
        """_accept() -> (integer, address info)"""
        sock: Socket | None = self._sock
        if sock is None:
            fd, address = self._held()._accept()  # type: ignore[attr-defined]
            return fd, address
        child, address = sock.accept()
        return open_descriptor(child), address

    def recvfrom(self, bufsize: Any, flags: cython.int = 0, /) -> tuple[bytes, Any]:
        """recvfrom(buffersize[, flags]) -> (data, address info)"""
        sock: Socket | None = self._sock
        n: cython.Py_ssize_t = bufsize
        if n < 0:
            raise ValueError("negative buffersize in recvfrom")
        if sock is not None:
            return sock.recvfrom(n, flags)
        return self._held().recvfrom(n, flags)

    def recvfrom_into(self, buffer: Any, nbytes: cython.Py_ssize_t = 0, flags: cython.int = 0) -> tuple[int, Any]:
        """recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)"""
        sock: Socket | None = self._sock
        if nbytes < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        if sock is not None:
            return sock.recvfrom_into(_writable(buffer, nbytes), 0, flags)
        return self._held().recvfrom_into(buffer, nbytes, flags)

    def sendto(self, data: Any, *args: Any) -> int:
        """sendto(data, [flags, ]address) -> count"""
        if not 1 <= len(args) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(args) + 1} given)")
        sock: Socket | None = self._sock
        if sock is None:
            return self._held().sendto(data, *args)
        flags, address = (0, args[0]) if len(args) == 1 else args
        if not isinstance(flags, int):
            raise TypeError(f"{type(flags).__name__!r} object cannot be interpreted as an integer")
        if not isinstance(data, (bytes, bytearray)):
            _check_buffer(data)
        number: cython.int = flags
        where = parse_address(self._family, address, "sendto")
        sys.audit("socket.sendto", self, address)
        return sock.sendto(data, number, where)

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: cython.int = 0, address: Any = None, /) -> int:
        """sendmsg(buffers[, ancdata[, flags[, address]]]) -> count"""
        sock: Socket | None = self._sock
        if sock is None:
            if address is None:
                return self._held().sendmsg(buffers, ancdata, flags)
            return self._held().sendmsg(buffers, ancdata, flags, address)
        where = None if address is None else parse_address(self._family, address, "sendmsg")
        sys.audit("socket.sendmsg", self, address)
        return sock.sendmsg(_buffers(buffers, "sendmsg() argument 1 must be iterable"), _control(ancdata), flags, where)

    def recvmsg(self, bufsize: Any, ancbufsize: Any = 0, flags: cython.int = 0, /) -> tuple[bytes, Any, int, Any]:
        """recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)"""
        sock: Socket | None = self._sock
        n: cython.Py_ssize_t = bufsize
        if n < 0:
            raise ValueError("negative buffer size in recvmsg()")
        if sock is None:
            return self._held().recvmsg(n, ancbufsize, flags)
        return sock.recvmsg(n, _ancillary(ancbufsize, "recvmsg"), flags)

    def recvmsg_into(self, buffers: Any, ancbufsize: Any = 0, flags: cython.int = 0, /) -> tuple[int, Any, int, Any]:
        """recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)"""
        sock: Socket | None = self._sock
        if sock is None:
            return self._held().recvmsg_into(buffers, ancbufsize, flags)
        views = [_writable(buffer, 0) for buffer in _buffers(buffers, "recvmsg_into() argument 1 must be an iterable")]
        octets, ancdata, msg_flags, address = sock.recvmsg(
            sum(map(len, views)), _ancillary(ancbufsize, "recvmsg_into"), flags
        )
        done = 0
        for view in views:
            piece = octets[done : done + len(view)]
            view[: len(piece)] = piece
            done += len(piece)
        return done, ancdata, msg_flags, address

    # Connections.

    def bind(self, address: Any, /) -> None:
        """bind(address)"""
        sock: Socket | None = self._sock
        if sock is None:
            self._held().bind(address)
            return
        where = parse_address(self._family, address, "bind")
        sys.audit("socket.bind", self, address)
        sock.bind(where)

    def listen(self, backlog: cython.int = 128, /) -> None:
        """listen([backlog])"""
        sock: Socket | None = self._sock
        if sock is None:
            self._held().listen(backlog)
        else:
            sock.listen(max(_c_int(backlog), 0))

    def connect(self, address: Any, /) -> None:
        """connect(address)"""
        sock: Socket | None = self._sock
        if sock is None:
            self._held().connect(address)
            return
        where = parse_address(self._family, address, "connect")
        sys.audit("socket.connect", self, address)
        sock.connect(where)

    def connect_ex(self, address: Any, /) -> int:
        """connect_ex(address) -> errno"""
        sock: Socket | None = self._sock
        if sock is None:
            return self._held().connect_ex(address)
        where = parse_address(self._family, address, "connect_ex")
        sys.audit("socket.connect", self, address)
        return sock.connect_ex(where)

    def shutdown(self, flag: cython.int, /) -> None:
        """shutdown(flag)"""
        sock: Socket | None = self._sock
        if sock is None:
            self._held().shutdown(flag)
        else:
            sock.shutdown(_c_int(flag))

    def getsockname(self) -> Any:
        """getsockname() -> address info"""
        sock: Socket | None = self._sock
        return self._held().getsockname() if sock is None else sock.getsockname()

    def getpeername(self) -> Any:
        """getpeername() -> address info"""
        sock: Socket | None = self._sock
        return self._held().getpeername() if sock is None else sock.getpeername()

    # The descriptor.

    def fileno(self) -> Any:
        """fileno() -> integer"""
        fd = self._fd
        if fd is not None:
            return fd
        return -1 if self._kernel is None else self._kernel.fileno()

    def detach(self) -> Any:
        """detach() -> integer: the descriptor stays open, the object is closed."""
        fd = self._fd
        kernel = self._kernel
        self._fd = self._sock = self._kernel = None
        if fd is not None:
            return fd
        return -1 if kernel is None else kernel.detach()

    def close(self) -> None:
        """close(): a second call does nothing."""
        fd = self._fd
        kernel = self._kernel
        self._fd = self._sock = self._kernel = None
        if kernel is not None:
            kernel.close()
        elif fd is not None:
            fd.table.close(fd)

    # Timeouts and options.

    @property
    def timeout(self) -> float | None:
        """The socket timeout"""
        return self.gettimeout()

    def gettimeout(self) -> float | None:
        """gettimeout() -> seconds or None"""
        if self._kernel is not None:
            return self._kernel.gettimeout()
        return None if self._timeout_ns < 0 else self._timeout_ns / 1e9

    def settimeout(self, value: Any, /) -> None:
        """settimeout(seconds or None)"""
        timeout_ns: cython.longlong = parse_timeout(value)
        self._set_timeout(timeout_ns)
        if self._kernel is not None:
            self._kernel.settimeout(value)

    def getblocking(self) -> bool:
        """getblocking() -> False when the timeout is 0"""
        if self._kernel is not None:
            return self._kernel.getblocking()
        return self._timeout_ns != 0

    def setblocking(self, flag: Any, /) -> None:
        """setblocking(flag): settimeout(None) or settimeout(0)"""
        blocking: cython.bint = bool(flag)
        self._set_timeout(-1 if blocking else 0)
        if self._kernel is not None:
            self._kernel.setblocking(blocking)

    def _set_timeout(self, timeout_ns: cython.longlong) -> None:
        sock: Socket | None = self._sock
        if sock.closed if sock is not None else self._kernel is None:
            _closed()
        self._timeout_ns = timeout_ns
        if sock is not None:
            sock.timeout_ns = timeout_ns

    def getsockopt(self, level: cython.int, option: cython.int, buflen: cython.int = 0, /) -> Any:
        """getsockopt(level, option[, buffersize]) -> integer or bytes"""
        sock: Socket | None = self._sock
        if sock is None:
            return self._held().getsockopt(level, option, buflen) if buflen else self._held().getsockopt(level, option)
        if not 0 <= buflen <= 1024:
            raise OSError("getsockopt buflen out of range")
        return sock.getsockopt(level, option, buflen)

    def setsockopt(self, level: cython.int, option: cython.int, value: Any, optlen: Any = None, /) -> None:
        """setsockopt(level, option, value: int | bytes) or setsockopt(level, option, None, optlen: int)"""
        sock: Socket | None = self._sock
        if sock is None:
            kernel = self._held()
            if optlen is None:
                kernel.setsockopt(level, option, value)
            else:
                kernel.setsockopt(level, option, value, optlen)
            return
        sock.setsockopt(level, option, _option_value(value, optlen))

    # What the kernel's sockets do not have, or have elsewhere.

    def ioctl(self, request: cython.ulong, /) -> int:
        """ioctl(request) -> integer: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK of a TCP socket of ours"""
        return self._own_tcp().ioctl(request)

    def start_trace(self, limit: cython.Py_ssize_t = 1024, /) -> Trace:
        """start_trace([limit]) -> Trace: the last events of a TCP connection of ours, from now on"""
        return self._own_tcp().start_trace(limit)

    def _own_tcp(self) -> TcpSocket:
        sock: Socket | None = self._sock
        if sock is None and self._kernel is None:
            _closed()
        if not isinstance(sock, TcpSocket):
            raise OSError(EOPNOTSUPP, strerror(EOPNOTSUPP))
        return sock

    def sendmsg_afalg(self, *args: Any, **kwargs: Any) -> int:
        """Linux's crypto sockets, which are the kernel's."""
        return self._held().sendmsg_afalg(*args, **kwargs)

    # What TLS and fork need.

    def _forget(self) -> None:
        """Be closed, without a word to the host."""
        self._fd = self._sock = None

    def _held(self) -> KernelSocket:
        if self._kernel is None:
            _closed()
        return self._kernel

    def _kernel_socket(self) -> KernelSocket | None:
        return self._kernel

    def _deadline(self) -> cython.longlong:
        """When an operation that begins now times out: 0 non-blocking, NEVER without a timeout."""
        if self._timeout_ns < 0:
            return NEVER
        if self._timeout_ns == 0 or self._sock is None:
            return 0
        return self._sock.host.now() + self._timeout_ns

    def _wait(self, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        """Block until the socket of ours is ready; False when the deadline passed or is 0."""
        sock: Socket | None = self._sock
        if deadline == 0:
            return False
        if sock is None:
            _closed()
        with sock.host.lock:
            return sock.host.wait(sock, events, deadline)


def _closed() -> NoReturn:
    raise OSError(EBADF, strerror(EBADF))


def _descriptor(fileno: Any) -> Any:
    # A Descriptor must stay one: it knows its host. (An annotation int would make it a plain one, compiled.)
    fd: Any = fileno if isinstance(fileno, int) else _as_index(fileno)
    if fd < 0:
        raise ValueError("negative file descriptor")
    return fd


def _as_index(fileno: Any) -> int:
    if isinstance(fileno, float):
        raise TypeError("integer argument expected, got float")
    return operator.index(fileno)


def _check_buffer(data: Any) -> None:
    try:
        memoryview(data).release()
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None


def _writable(buffer: Any, nbytes: cython.Py_ssize_t) -> memoryview:
    view = memoryview(buffer)
    if view.readonly:
        raise TypeError("read-write bytes-like object expected")
    if view.format != "B" or view.ndim != 1:
        view = view.cast("B")
    if nbytes > len(view):
        raise ValueError("nbytes is greater than the length of the buffer")
    return view[:nbytes] if nbytes and nbytes < len(view) else view


def _buffers(buffers: Any, complaint: str) -> list[Any]:
    try:
        return list(buffers)
    except TypeError:
        raise TypeError(complaint) from None


def _control(ancdata: Any) -> list[tuple[int, int, Any]]:
    items = _buffers(ancdata, "sendmsg() argument 2 must be iterable")
    for item in items:
        if not isinstance(item, tuple) or len(item) != 3:
            raise TypeError("[sendmsg() ancillary data items must be tuples of length 3")
        operator.index(item[0])
        operator.index(item[1])
        _check_buffer(item[2])
    return items


def _c_int(value: Any) -> int:
    # Compiled, the argument is a C int already.
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise OverflowError("Python int too large to convert to C int")
    return int(value)


def _ancillary(size: Any, function: str) -> int:
    n = operator.index(size)
    if not 0 <= n <= 0x7FFFFFFF:
        raise ValueError(f"invalid ancillary data buffer length in {function}()")
    return n


def _option_value(value: Any, optlen: Any) -> Any:
    if optlen is not None:
        if value is not None:
            raise TypeError(f"argument 3 must be None, not {type(value).__name__}")
        return bytes(operator.index(optlen))
    if isinstance(value, int):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("Python int too large to convert to C int")
        return int(value)
    if value is None:
        raise TypeError("an integer or a bytes-like object is required, not None")
    return bytes(memoryview(value))
